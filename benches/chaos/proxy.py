"""A proxy between the program and the server: it counts what the program sends, holds it up, and cuts its connections."""

import contextlib
import socket
import struct
import threading


class Proxy:
    """Listens on a port of this machine and passes on to the server's socket.

    What is to happen is set before the program begins: `stop` = ("before", n) or ("after", n) holds everything up at the n-th
    statement; `cut_at` = (direction, bytes) cuts all connections once so many bytes went that way; `cut_commit` = n cuts them
    when the n-th COMMIT was carried out and before its answer arrives. A cut happens once; connections made later pass.
    """

    def __init__(self, upstream, stop=None, cut_at=None, cut_commit=None):
        self.upstream, self.stop, self.cut_at, self.cut_commit = upstream, stop, cut_at, cut_commit
        self.lock, self.sockets = threading.Lock(), []
        self.statements, self.commits, self.passed = [], 0, {"up": 0, "down": 0}
        self.held, self.was_cut = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.cut()

    def cut(self):
        """Cuts all connections."""
        self.was_cut.set()
        with self.lock:
            sockets, self.sockets = self.sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.upstream)
            except OSError:
                client.close()
                server.close()
                continue
            with self.lock:
                self.sockets += [client, server]
            for way in (self._up, self._down):
                threading.Thread(target=self._pass, args=(way, client, server), daemon=True).start()

    @staticmethod
    def _pass(way, client, server):
        with contextlib.suppress(OSError, EOFError, struct.error):
            way(client, server)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _count(self, direction, data, to):
        """Passes on, but no more than until the cut."""
        with self.lock:
            before = self.passed[direction]
            self.passed[direction] += len(data)
        if self.cut_at and self.cut_at[0] == direction and not self.was_cut.is_set() and before + len(data) >= self.cut_at[1]:
            to.sendall(data[:max(self.cut_at[1] - before, 0)])
            self.cut()
            raise EOFError
        to.sendall(data)

    def _down(self, client, server):
        while data := server.recv(65536):
            if self.held.is_set():
                # Nothing reaches the program any more.
                continue
            self._count("down", data, client)

    def _up(self, client, server):
        def exactly(length):
            data = b""
            while len(data) < length:
                piece = client.recv(length - len(data))
                if not piece:
                    raise EOFError
                data += piece
            return data

        def message():
            length = exactly(4)
            return length + exactly(struct.unpack("!I", length)[0] - 4)

        self._count("up", message(), server)
        request, text, parsed = b"", None, ""
        while True:
            kind = exactly(1)
            content = message()
            request += kind + content
            if kind == b"Q":
                text = content[4:-1].decode(errors="replace")
            elif kind == b"P":
                parsed = content[4:].split(b"\0")[1].decode(errors="replace")
            elif kind == b"E":
                text = parsed
            if kind not in (b"Q", b"S", b"X", b"p"):
                continue
            if self.held.is_set():
                self.was_cut.wait()
                return
            place, commits = None, False
            if text is not None:
                with self.lock:
                    self.statements.append(text)
                    place = len(self.statements)
                    commits = "COMMIT" in text.upper()
                    self.commits += commits
                text = None
            if self.stop in (("before", place), ("after", place)):
                self.held.set()
                if self.stop[0] == "after":
                    server.sendall(request)
                self.was_cut.wait()
                return
            if commits and self.commits == self.cut_commit:
                self._answerless(request, server)
                return
            self._count("up", request, server)
            request = b""

    def _answerless(self, request, server):
        """Sends a COMMIT, and cuts the connections in the moment in which its answer could arrive."""
        self.held.set()
        server.sendall(request)
        threading.Event().wait(0.05)
        self.cut()
        self.held.clear()
