//! A scratch database: on a server that is named, on a private one from the machine's server binaries, or on the embedded engine.

use std::path::Path;

use crate::{
    catalog::Snapshot,
    config::{ScratchChoice, Settings},
    db::{Connections, ScratchDatabase, ScratchError},
    diagnostic::Diagnostic,
    engine::EngineError,
    event::Event,
    exec::Interrupt,
    pg::ConnectionTarget,
};

use super::errors;

/// An empty database, and the server where that is ours. All of it goes with the value.
pub(super) struct Scratch {
    // What is above goes first: connections, then the database, then its server.
    pub(super) connections: Connections,
    _database: Option<ScratchDatabase>,
    _server: Option<Server>,
    /// What people call the server.
    pub(super) server: String,
    /// Whether it is the embedded engine.
    pub(super) embedded: bool,
    /// Whether the whole server is ours, roles and all.
    pub(super) private: bool,
}

/// A server of ours.
enum Server {
    #[cfg(unix)]
    #[expect(dead_code, reason = "it is there to be dropped")]
    Cluster(crate::engine::Cluster),
    #[cfg(feature = "embedded")]
    #[expect(dead_code, reason = "it is there to be dropped")]
    Embedded(crate::engine::ScratchEngine),
}

/// The databases that every server has from the beginning.
const OF_EVERY_SERVER: [&str; 3] = ["postgres", "template0", "template1"];

impl Scratch {
    /// Makes one, for a copy of what a snapshot shows.
    pub(super) fn make(
        settings: &Settings,
        snapshot: &Snapshot,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, Box<Diagnostic>> {
        match &settings.scratch {
            ScratchChoice::At(target) => Self::at(target, settings, interrupt, emit),
            ScratchChoice::Binaries(directory) => Self::cluster(directory, settings, snapshot, interrupt, emit),
            ScratchChoice::Embedded => Self::embedded(settings, interrupt, emit),
            ScratchChoice::Found => match binaries_for(snapshot) {
                Some(directory) => Self::cluster(&directory, settings, snapshot, interrupt, emit),
                None => Self::embedded(settings, interrupt, emit),
            },
        }
    }

    /// Makes a database on a server that is named.
    fn at(
        target: &ConnectionTarget,
        settings: &Settings,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, Box<Diagnostic>> {
        let name = format!("hrms_scratch_{}_{:08x}", std::process::id(), fastrand::u32(..));
        let database = ScratchDatabase::create(target, &name).map_err(|error| of_database(&error))?;
        let place = database.target().place();
        let server = place.rsplit_once(" @ ").map_or(place.as_str(), |(_, server)| server).to_owned();
        let connections = open(database.target(), false, settings, interrupt, emit)?;
        Ok(Self { connections, _database: Some(database), _server: None, server, embedded: false, private: false })
    }

    /// Starts a server from binaries.
    #[cfg(unix)]
    fn cluster(
        directory: &Path,
        settings: &Settings,
        snapshot: &Snapshot,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, Box<Diagnostic>> {
        use crate::engine::{Cluster, ClusterOptions};

        let cluster = Cluster::start(ClusterOptions::new(directory)).map_err(|error| of_engine(&error))?;
        let target = parse(&cluster.url("postgres"))?;
        // Under the name of the database: statements may speak of it.
        let name = snapshot.server.database.as_str();
        let database = if OF_EVERY_SERVER.contains(&name) {
            None
        } else {
            Some(ScratchDatabase::create(&target, name).map_err(|error| of_database(&error))?)
        };
        let target = database.as_ref().map_or(&target, ScratchDatabase::target);
        let connections = open(target, false, settings, interrupt, emit)?;
        Ok(Self {
            connections,
            _database: database,
            _server: Some(Server::Cluster(cluster)),
            server: "a private server".to_owned(),
            embedded: false,
            private: true,
        })
    }

    #[cfg(not(unix))]
    fn cluster(
        _: &Path,
        settings: &Settings,
        _: &Snapshot,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, Box<Diagnostic>> {
        Self::embedded(settings, interrupt, emit)
    }

    #[cfg(feature = "embedded")]
    fn embedded(
        settings: &Settings,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, Box<Diagnostic>> {
        let engine = crate::engine::ScratchEngine::start().map_err(|error| of_engine(&error))?;
        let connections = open(&parse(engine.url())?, true, settings, interrupt, emit)?;
        Ok(Self {
            connections,
            _database: None,
            _server: Some(Server::Embedded(engine)),
            server: "an embedded server".to_owned(),
            embedded: true,
            private: true,
        })
    }

    #[cfg(not(feature = "embedded"))]
    fn embedded(_: &Settings, _: &Interrupt, _: &mut dyn FnMut(Event<'_>)) -> Result<Self, Box<Diagnostic>> {
        Err(Box::new(errors::of_scratch(
            vec!["no PostgreSQL server programs (initdb, postgres) were found on this machine".to_owned()],
            "install them, name a server with `--scratch-url`, or build with `--features embedded`",
        )))
    }
}

/// Looks for server binaries on the machine: of the same major version, if there are any.
#[cfg(unix)]
fn binaries_for(snapshot: &Snapshot) -> Option<std::path::PathBuf> {
    crate::engine::cluster::find_binaries_of(snapshot.server.version.major())
}

#[cfg(not(unix))]
fn binaries_for(_: &Snapshot) -> Option<std::path::PathBuf> {
    None
}

fn open(
    target: &ConnectionTarget,
    single: bool,
    settings: &Settings,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Connections, Box<Diagnostic>> {
    let mut waiting =
        |error: &crate::db::ConnectError, waited| emit(Event::WaitingForServer { why: error.what(), waited });
    Connections::open(target, single, None, settings.limits.wait, interrupt.stop().flag(), &mut waiting)
        .map_err(|error| of_database(&ScratchError::Connect(error)))
}

fn parse(url: &str) -> Result<ConnectionTarget, Box<Diagnostic>> {
    ConnectionTarget::parse(url)
        .map_err(|error| Box::new(errors::of_scratch(vec![error.to_string()], "name a server with `--scratch-url`")))
}

fn of_database(error: &ScratchError) -> Box<Diagnostic> {
    let (why, help) = match error {
        ScratchError::Connect(error) => (vec![error.what(), error.why().to_owned()], error.help()),
        ScratchError::Server(error) => (
            vec![format!("the server says: {error}")],
            "name a role in `--scratch-url` that may make databases (CREATEDB)".to_owned(),
        ),
    };
    Box::new(errors::of_scratch(why, help))
}

fn of_engine(error: &EngineError) -> Box<Diagnostic> {
    let why = [Some(error.to_string()), error.why()].into_iter().flatten().collect();
    Box::new(errors::of_scratch(why, format!("{}; or name one with `--scratch-url`", error.help())))
}
