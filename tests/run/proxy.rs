//! A proxy between the program and the server: it counts and shows what the program sends, holds the program up at a chosen
//! place, and cuts its connections.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use hrms_migrate::engine::cluster::Cluster;

use crate::support::{Server, TestDatabase};

/// Where the proxy holds everything up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The n-th statement, counted from 1, does not reach the server.
    Before(usize),
    /// It does, but its answer does not come back.
    After(usize),
}

/// Where the server listens.
#[derive(Clone, Debug)]
enum Upstream {
    Socket(String),
    Tcp(String, u16),
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
        }
    }

    fn shut_down(&self) {
        // It may be closed already.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(buffer),
            Self::Tcp(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    round_trips: usize,
    statements: Vec<String>,
    stop: Option<Stop>,
    held: bool,
    open: Vec<Stream>,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wait_while_held(&self) {
        let state = self.changed.wait_while(self.state(), |state| state.held).unwrap();
        drop(state);
    }
}

/// A proxy on a port of its own. Its threads end with the test's process.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy before the server of a test's database.
    pub fn before(database: &TestDatabase) -> Self {
        match database.server() {
            Server::Private(cluster) => Self::before_cluster(cluster),
            Server::Given(url) => {
                let url = url::Url::parse(url).expect("TEST_DATABASE_URL is a URL");
                let host = url.query_pairs().find(|(key, _)| key == "host").map(|(_, value)| value.into_owned());
                let port = url.port().unwrap_or(5432);
                Self::start(match host.filter(|host| host.starts_with('/')) {
                    Some(directory) => Upstream::Socket(format!("{directory}/.s.PGSQL.{port}")),
                    None => Upstream::Tcp(url.host_str().unwrap_or("localhost").to_owned(), port),
                })
            }
        }
    }

    /// Starts a proxy before a cluster.
    pub fn before_cluster(cluster: &Cluster) -> Self {
        let socket = cluster.socket_directory().join(format!(".s.PGSQL.{}", cluster.port()));
        Self::start(Upstream::Socket(socket.to_string_lossy().into_owned()))
    }

    fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { upstream, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serve(&accepting, client);
            }
        });
        Self { port, shared }
    }

    /// Returns the URL of a database through the proxy, given its URL.
    pub fn url(&self, direct: &str) -> String {
        let (authority, rest) = direct.split_once("://").unwrap().1.split_once('/').unwrap();
        let role = authority.rsplit_once('@').map_or("postgres", |(role, _)| role);
        let database = rest.split('?').next().unwrap();
        let port = self.port;
        format!("postgresql://{role}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable")
    }

    /// Holds everything up at a place; counting starts anew.
    pub fn stop_at(&self, stop: Stop) {
        let mut state = self.shared.state();
        state.statements.clear();
        state.stop = Some(stop);
    }

    /// Waits until the place is reached. `false`: the program ended before.
    pub fn wait_until_held(&self, mut is_running: impl FnMut() -> bool) -> bool {
        loop {
            let state = self.shared.state();
            let (state, _) = self.shared.changed.wait_timeout(state, Duration::from_millis(20)).unwrap();
            if state.held {
                return true;
            }
            drop(state);
            if !is_running() {
                return false;
            }
        }
    }

    /// Cuts all connections, and lets new ones through.
    pub fn cut(&self) {
        let mut state = self.shared.state();
        state.stop = None;
        state.held = false;
        for stream in state.open.drain(..) {
            stream.shut_down();
        }
        self.shared.changed.notify_all();
    }

    /// Returns the statements sent so far, diesel's two at the beginning of each connection included, without the beginning of a
    /// transaction and the limits that a step is sent with.
    pub fn statements(&self) -> Vec<String> {
        self.shared.state().statements.iter().map(|sql| own(sql).to_owned()).collect()
    }

    /// Returns how often the program sent something and waited for the answer, without what opens a connection.
    pub fn round_trips(&self) -> usize {
        self.shared.state().round_trips
    }

    /// Returns how many connections were opened.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }
}

fn serve(shared: &Arc<Shared>, client: TcpStream) {
    let server = match &shared.upstream {
        Upstream::Socket(path) => UnixStream::connect(path).map(Stream::Unix),
        Upstream::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).map(Stream::Tcp),
    };
    // Without a server behind it the client sees the connection closed.
    let Ok(server) = server else { return };
    client.set_nodelay(true).unwrap();
    let client = Stream::Tcp(client);
    {
        let mut state = shared.state();
        state.connections += 1;
        state.open.push(client.try_clone().unwrap());
        state.open.push(server.try_clone().unwrap());
    }
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let requests = Arc::clone(shared);
    thread::spawn(move || {
        let (client, server) = (from_client.try_clone().unwrap(), to_server.try_clone().unwrap());
        // An error is a connection that was closed.
        let _ = pass_requests(&requests, from_client, to_server);
        client.shut_down();
        server.shut_down();
    });
    let answers = Arc::clone(shared);
    thread::spawn(move || {
        let (mut from, mut to) = (server, client);
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = from.read(&mut buffer) {
            answers.wait_while_held();
            if length == 0 || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        from.shut_down();
        to.shut_down();
    });
}

/// Passes on what the client sends, one request at a time: all its messages until it waits for an answer.
fn pass_requests(shared: &Shared, mut client: Stream, mut server: Stream) -> io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut opening = vec![0; body(length)];
    client.read_exact(&mut opening)?;
    server.write_all(&length)?;
    server.write_all(&opening)?;
    let mut request = Vec::new();
    let mut text = None;
    let mut parsed = String::new();
    loop {
        let mut kind = [0];
        client.read_exact(&mut kind)?;
        client.read_exact(&mut length)?;
        let mut content = vec![0; body(length)];
        client.read_exact(&mut content)?;
        request.extend(kind);
        request.extend(length);
        request.extend(&content);
        match kind[0] {
            b'Q' => text = Some(until_zero(&content)),
            b'P' => {
                let name = content.iter().position(|byte| *byte == 0).unwrap_or(0) + 1;
                parsed = until_zero(&content[name..]);
            }
            b'E' => text = Some(parsed.clone()),
            _ => {}
        }
        // Query and Sync wait for an answer; Terminate and passwords do not.
        let asks = matches!(kind[0], b'Q' | b'S');
        if !asks && !matches!(kind[0], b'X' | b'p') {
            continue;
        }
        shared.wait_while_held();
        let mut stops_after = false;
        {
            let mut state = shared.state();
            state.round_trips += usize::from(asks);
            if let Some(text) = text.take() {
                state.statements.push(text);
                let count = state.statements.len();
                if state.stop == Some(Stop::Before(count)) {
                    state.held = true;
                    shared.changed.notify_all();
                } else if state.stop == Some(Stop::After(count)) {
                    // Before it is sent, so that no answer slips through.
                    state.held = true;
                    stops_after = true;
                }
            }
        }
        if stops_after {
            server.write_all(&request)?;
            shared.changed.notify_all();
            shared.wait_while_held();
        } else {
            // What was held up is never sent: after it the connections are cut.
            let before = shared.state().held;
            shared.wait_while_held();
            if before {
                return Ok(());
            }
            server.write_all(&request)?;
        }
        request.clear();
    }
}

fn body(length: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(length)).unwrap().saturating_sub(4)
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Returns the step in what is sent with it.
fn own(sql: &str) -> &str {
    let rest = sql.strip_prefix("BEGIN; ").unwrap_or(sql);
    let parts = rest.strip_prefix("SET LOCAL lock_timeout = ").and_then(|_| rest.splitn(3, "; ").nth(2));
    parts.unwrap_or(sql)
}
