"""The web page in a real Chromium, on a real server and real workers with real displays."""

import json
import signal
import threading

import pytest
from chromium import chromium
from live import free_port, need, until
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from a3c64.envs.episode import Episode
from a3c64.wire.evaluator_client import EvaluatorClient
from a3c64.wire.transport import SocketTransport

LOOK_S = 90  # longest wait for a screen; a worker starts slowly while other tests run
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
# Records the first byte of each message that the page sends. In RFC 6143 section 7.5, 4 is a key and 5 the pointer.
LISTEN = """
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  window.sent.push(new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0)[0]);
  return send.call(this, data);
};
"""
COLOURS = """
const canvas = document.querySelector(`[data-worker="${arguments[0]}"] canvas`);
if (!canvas || !canvas.width) return 0;
const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
return new Set(pixels).size;
"""


@pytest.fixture
def browser():
    for program in ("Xvfb", "x11vnc"):
        need(program)
    with chromium() as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
        yield driver


def tiles(browser):
    return browser.execute_script("return [...document.querySelectorAll('.tile')].map((one) => one.dataset.worker)")


def test_the_page_shows_every_workers_screen(stack, browser):
    port = free_port()
    cheap = {"env_id": "tiny_env:TinyFight-v0", "envs_per_worker": 1, "frame_size": 16, "lstm_size": 0}
    server = stack.start("a3c64.paramserver", web_port=port, **cheap)
    until(stack.report, 60, "the server")
    until(lambda: (stack.run_dir / "web" / "run.json").exists(), 60, "run.json")
    replays = stack.run_dir / "replays" / "worker-0"
    replays.mkdir(parents=True)
    (replays / "one.m64").touch()
    facts = {
        "recorded": "2026-11-21T12:34:56Z",
        "return": -1234.56,
        "metrics": {"won": 1, "score": 1014},
        "steps": 27_000,
    }
    (replays / "one.json").write_text(json.dumps(facts))
    first = stack.start("a3c64.worker", vnc_port=free_port())

    def opened():
        try:
            browser.get(f"http://127.0.0.1:{port}/")
            return browser.find_elements(By.ID, "strip")
        except Exception:
            return False

    until(opened, 60, "the page")
    until(lambda: tiles(browser) == ["0"], LOOK_S, "a tile")
    until(lambda: browser.execute_script(COLOURS, "0") > 1, LOOK_S, "pixels")
    until(lambda: "training" in browser.find_element(By.ID, "state").text, LOOK_S, "training")
    strip = browser.find_element(By.ID, "strip")
    assert "Steps per second" in strip.text
    until(lambda: all(name in strip.text for name in ("Won", "Damage", "High score")), LOOK_S, "the game's own figures")
    until(lambda: "Won" in browser.find_element(By.TAG_NAME, "thead").text, 60, "a column for each")
    assert "1,014" in browser.find_element(By.TAG_NAME, "tbody").text
    assert browser.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0

    # A click enlarges a tile. Keys and clicks in it are not sent.
    tile = browser.find_element(By.CLASS_NAME, "tile")
    tile.find_element(By.CLASS_NAME, "open").click()
    assert tile.rect["width"] == browser.execute_script("return innerWidth")
    before = len(browser.execute_script("return window.sent"))
    ActionChains(browser).send_keys("aq").perform()
    browser.execute_script("document.querySelector('canvas').focus()")
    ActionChains(browser).send_keys("w", Keys.ENTER, Keys.ARROW_UP).perform()
    ActionChains(browser).move_to_element_with_offset(tile, 20, 20).move_by_offset(30, 30).click().perform()
    until(lambda: len(browser.execute_script("return window.sent")) > before, 60, "requests for more frames")
    assert set(browser.execute_script("return window.sent")[before:]) <= {0, 2, 3}, "keys and pointer must not be sent"
    assert "large" not in tile.get_attribute("class"), "a click on an enlarged tile must close it"
    tile.find_element(By.CLASS_NAME, "open").click()
    assert "large" in tile.get_attribute("class")
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert "large" not in tile.get_attribute("class")

    # The page fits a phone's width.
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    until(lambda: browser.execute_script("return innerWidth") == PHONE["width"], 60, "a phone's width")
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "#replays tbody tr"), 60, "a replay")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    # Tiles follow workers that start and stop.
    stack.start("a3c64.worker", vnc_port=free_port())
    until(lambda: tiles(browser) == ["0", "1"], LOOK_S, "a second tile")
    first.send_signal(signal.SIGTERM)
    until(lambda: tiles(browser) == ["1"], 60, "the first tile's end")
    until(lambda: browser.execute_script(COLOURS, "1") > 1, LOOK_S, "the second one's pixels")

    # A worker without a display has a hint instead of a black box.
    stack.start("a3c64.worker", vnc_port=0)
    until(lambda: tiles(browser) == ["0", "1"], LOOK_S, "a tile without a screen")
    blind = browser.find_element(By.CSS_SELECTOR, '[data-worker="0"]')
    assert not blind.find_element(By.CLASS_NAME, "frame").is_displayed()
    hint = blind.find_element(By.CLASS_NAME, "hint").text
    assert "--vnc-port" in hint
    assert "neither screens nor replays" in hint
    assert "connects from 127.0.0.1" in hint

    # Greedy evaluations that fall cause a warning.
    judge = EvaluatorClient(SocketTransport(stack.server), "judge", "judge", threading.Event())
    judge.hello()
    update = judge.pull()
    for score in (1e6, 1.0):
        assert judge.score(update, [Episode(score, 20, {})])
    judge.close()
    until(lambda: browser.find_element(By.ID, "warning").is_displayed(), 60, "a warning")
    assert "half way from the beginning to the best (1000000.00)" in browser.find_element(By.ID, "warning").text

    server.kill()
    until(lambda: browser.find_element(By.ID, "notice").is_displayed(), 60, "the page says that the server is gone")
    assert "The server is gone" in browser.find_element(By.ID, "notice").text
    assert browser.find_element(By.CSS_SELECTOR, ".tile .state").text == "unknown"
    browser.execute_script("document.body.style.minHeight = '3000px'")
    browser.execute_script("window.scrollTo({top: 1500, behavior: 'instant'})")
    top = browser.execute_script("return document.getElementById('notice').getBoundingClientRect().top")
    assert 0 <= top < browser.execute_script("return innerHeight"), (
        "the notice must stay visible when the page is scrolled"
    )
