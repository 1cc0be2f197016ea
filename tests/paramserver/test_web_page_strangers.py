"""Pages of other sites in a real Chromium: DNS rebinding and cross-site requests get nothing from the web page."""

import http.server
import threading

import pytest
from chromium import chromium
from live_gateway import VERSION, WAIT_S, Gateway, Service

# Tries everything that a page can do with a URL. The result has what it got.
ATTACK = """
const [base, done] = arguments;
const got = {};
const tries = [];
for (const path of ["run.json", "recordings.json", "replays/worker-0/one.json", "page.js"])
  tries.push(fetch(`${base}/${path}`).then((answer) => answer.text(), () => "").then((text) => (got[path] = text)));
tries.push(new Promise((end) => {
  const socket = new WebSocket(`${base.replace("http", "ws")}/screen?token=secret`);
  socket.binaryType = "arraybuffer";
  got.socket = "";
  socket.onmessage = ({ data }) => { got.socket = new TextDecoder().decode(data); end(); };
  socket.onclose = end;
}));
for (const [kind, path, event] of [["script", "page.js", "load"], ["img", "icon.svg", "load"],
                                   ["video", "videos/a.mp4", "loadedmetadata"]]) {
  tries.push(new Promise((end) => {
    const one = document.createElement(kind);
    got[kind] = "";
    one.addEventListener(event, () => { got[kind] = "loaded"; end(); });
    one.onerror = end;
    if (kind === "script") one.type = "module";
    one.src = `${base}/${path}`;
    document.head.append(one);
  }));
}
Promise.all(tries).then(() => done(got));
"""
EVERYTHING = {"run.json", "recordings.json", "replays/worker-0/one.json", "page.js", "socket", "script", "img"}


@pytest.fixture
def gateway(tmp_path):
    screen = Service()
    found = Gateway(tmp_path, {"secret": screen})
    yield found
    found.close()
    screen.close()


@pytest.fixture
def site():
    """Start another site on this machine; return its port."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>other</title>")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def attack(browser, page, base):
    """Return what a page got from `base`."""
    browser.set_script_timeout(WAIT_S)
    browser.get(page)
    return browser.execute_async_script(ATTACK, base)


def test_pages_of_other_sites_get_nothing(gateway, site):
    port = gateway.port
    own, rebound = f"http://127.0.0.1:{port}", f"http://evil.example:{port}"
    with chromium(f"--host-resolver-rules=MAP *.example 127.0.0.1:{port}") as browser:
        # The page itself gets everything, so the attacks below could.
        got = attack(browser, own, own)
        assert {name for name, text in got.items() if text} == EVERYTHING
        assert '"steps"' in got["run.json"]
        assert got["socket"] == VERSION.decode()

        # The attacker's name has begun to lead to this machine, so the browser takes both for one site.
        got = attack(browser, rebound, rebound)
        refused = {name for name, text in got.items() if text.startswith("the Host header must be localhost")}
        assert "run.json" in refused
        assert {name for name, text in got.items() if text} == refused
        assert "strip" not in browser.page_source

        # Another site's page requests things from this machine by its own address.
        for own in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
            got = attack(browser, f"http://127.0.0.1:{site}", own)
            assert not any(got.values()), got
