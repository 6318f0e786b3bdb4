//! How long a backend waits at its start for `Migrator::ready`, on a private server with the HRMS schema.
//!
//! `cargo bench --bench ready`; the figures stand in docs/benchmarks.md. Without PostgreSQL's server programs nothing is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![expect(clippy::print_stdout, reason = "it says why it measures nothing")]

use criterion::{Criterion, criterion_group, criterion_main};
use hrms_migrate::{
    Migrator,
    engine::cluster::{Cluster, ClusterOptions, find_binaries},
};

fn ready(criterion: &mut Criterion) {
    let Some(binaries) = find_binaries(None) else {
        println!("not measured: no PostgreSQL server programs found");
        return;
    };
    let cluster = Cluster::start(ClusterOptions::new(binaries)).unwrap();
    let migrator = Migrator::new(&cluster.url("postgres")).unwrap();
    let report = migrator.run(|_| {});
    assert_eq!(report.outcome, None, "{:?}", report.diagnostics);
    let mut group = criterion.benchmark_group("HRMS schema");
    // What a connection costs alone.
    group.bench_function("connect", |bencher| bencher.iter(|| migrator.wait(|_| {}).unwrap()));
    group.bench_function("ready", |bencher| bencher.iter(|| migrator.ready().unwrap()));
    group.bench_function("verify", |bencher| bencher.iter(|| assert_eq!(migrator.verify(|_| {}).outcome, None)));
    group.finish();
}

criterion_group!(benches, ready);
criterion_main!(benches);
