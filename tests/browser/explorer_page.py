"""A page of the explorer in a real Chromium that has no network."""

import json
import shutil
import time

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
NEEDS = "needs a browser: apt-get install chromium chromium-driver"
WIDTH, HEIGHT = 1280, 800
ENDED = "return /ready|failed/.test(document.documentElement.dataset.state)"
PATIENCE = 120  # seconds; a limit, never a measurement
# Until the next frame, in which what has waited for one comes first.
PAINTED = "return new Promise((done) => requestAnimationFrame(done))"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A window that nobody sees draws frames and runs timers as any other.
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)


def start_browser(profile):
    """Start Chromium with a profile of its own; the caller quits it."""
    if not (CHROMIUM and DRIVER):
        pytest.skip(NEEDS)
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT}"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return driver


class Page:
    """One explorer page, used as a person does: by mouse and keys."""

    def __init__(self, driver, path, downloads, scheme="light"):
        self.driver, self.path, self.downloads = driver, path, downloads
        self.opened = set()  # addresses of the page itself, and as it was saved
        driver.get_log("browser")
        driver.get_log("performance")
        driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior",
            {"behavior": "allow", "downloadPath": str(downloads)},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.load()

    def load(self):
        self.opened.add(self.path.as_uri())
        self.driver.get(self.path.as_uri())
        self.wait(ENDED)
        state = self.run("return document.documentElement.dataset.state")
        assert state == "ready", self.driver.get_log("browser")
        # Before the page itself hears of it.
        self.run("""
            const note = ({x, y}) => { window.mouseAt = [x, y]; };
            addEventListener("pointermove", note, true);""")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, *arguments):
        """Wait until the script returns something true, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.run(script, *arguments)
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    def text(self, name):
        return self.run(
            "return document.getElementById(arguments[0]).textContent", name
        )

    def wait_text(self, name, expected):
        end = time.monotonic() + PATIENCE
        while expected not in self.text(name) and time.monotonic() < end:
            time.sleep(0.05)
        assert expected in self.text(name)

    def choose(self, name, option):
        """Choose an option of a select by what it says."""
        script = """
            const select = document.getElementById(arguments[0]);
            const found = [...select.options].find((o) => o.text === arguments[1]);
            select.value = found.value;
            select.dispatchEvent(new Event("change", {bubbles: true}));"""
        self.run(script, name, option)

    def click(self, name):
        self.driver.find_element("id", name).click()

    def press(self, selector, key=None):
        """Click the place of an element, which may be drawn anew in the meantime."""
        script = """
            const box = document.querySelector(arguments[0]).getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];"""
        builder = ActionBuilder(self.driver, duration=20)
        builder.pointer_action.move_to_location(*map(round, self.run(script, selector)))
        builder.pointer_action.click()
        if key is not None:
            ActionChains(self.driver).key_down(key).perform()
        builder.perform()
        if key is not None:
            ActionChains(self.driver).key_up(key).perform()

    def texts(self, selector):
        """Texts of all elements, read at once: they may be drawn anew between two."""
        script = """
            const found = [...document.querySelectorAll(arguments[0])];
            return found.map((element) => element.textContent);"""
        return self.run(script, selector)

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def pixel(self, variability, confidence):
        """Place on the screen of a place in the map."""
        script = """
            const plot = document.getElementById("plot");
            const box = plot.getBoundingClientRect();
            const {l, r, t, b} = plot.layout.margin;
            const at = (v, [low, high]) => (v - low) / (high - low);
            const x = at(arguments[0], plot.layout.xaxis.range);
            const y = at(arguments[1], plot.layout.yaxis.range);
            return [box.left + l + x * (box.width - l - r),
                    box.top + t + (1 - y) * (box.height - t - b)];"""
        return self.run(script, float(variability), float(confidence))

    def mouse(self, places, *, press=False, times=1, key=None):
        """Move the mouse along places of the map, with the button down if press."""
        if key is not None:
            ActionChains(self.driver).key_down(key).perform()
        builder = ActionBuilder(self.driver, duration=20)
        pointer = builder.pointer_action
        for at, place in enumerate(places):
            pointer.move_to_location(*(round(x) for x in self.pixel(*place)))
            if press and at == 0:
                pointer.pointer_down()
        if press:
            pointer.pointer_up()
        for _ in range(times - 1):
            pointer.pointer_down()
            pointer.pointer_up()
        builder.perform()
        if key is not None:
            ActionChains(self.driver).key_up(key).perform()

    def hover(self, variability, confidence):
        """Rest the mouse on a place of the map; return what the page tells of it."""
        end = [round(x) for x in self.pixel(variability, confidence)]
        self.run("window.mouseAt = null")
        self.mouse([(variability, confidence + 0.05), (variability, confidence)])
        self.wait("return String(window.mouseAt) === String(arguments[0])", end)
        self.run(PAINTED)  # the page answers in the next frame
        assert self.run("return !document.getElementById('tooltip').hidden")
        return self.text("tooltip")

    def stop_clock(self):
        """From here on, time passes for what is played only as ``pass_time`` says."""
        self.run("window.now = 1000; performance.now = () => window.now;")

    def pass_time(self, milliseconds):
        self.run("window.now += arguments[0]", milliseconds)

    def click_at(self, variability, confidence):
        # Plotly answers a click with the point that it saw hovered.
        self.hover(variability, confidence)
        self.mouse([(variability, confidence)], press=True)
        self.wait("""
            const point = (id) => document.getElementById(id).dataset.point;
            return point("row") === point("tooltip");""")

    def lasso(self, left, right, bottom, top, key=None):
        """Draw round a rectangle of the map, corner by corner."""
        if self.attribute("lasso", "aria-pressed") == "false":
            self.click("lasso")
        x, y = np.linspace(left, right, 5), np.linspace(bottom, top, 5)
        path = [(v, bottom) for v in x] + [(right, c) for c in y[1:]]
        path += [(v, top) for v in x[-2::-1]] + [(left, c) for c in y[-2::-1]]
        self.mouse(path, press=True, key=key)

    def points(self):
        """Points of the queue that are in the document, in its order."""
        script = """
            return [...document.querySelectorAll("#items .item")]
                .map((item) => Number(item.dataset.point));"""
        return self.run(script)

    def attribute(self, name, attribute):
        script = (
            "return document.getElementById(arguments[0]).getAttribute(arguments[1])"
        )
        return self.run(script, name, attribute)

    def add_filter(self, on, condition, value, high=""):
        self.click("filter-open")
        self.choose("filter-on", on)
        self.choose("filter-is", condition)
        self.driver.find_element("id", "filter-value").send_keys(str(value))
        if high != "":
            self.driver.find_element("id", "filter-high").send_keys(str(high))
        self.click("filter-add")

    def resize(self, width, height):
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        size["mobile"] = False
        command = "Emulation.setDeviceMetricsOverride"
        self.driver.execute_cdp_cmd(command, size)
        there = "return innerWidth === arguments[0] && innerHeight === arguments[1]"
        self.wait(there, width, height)
        self.run(PAINTED)

    def download(self, button, name):
        """Click a button and return the path of the file that comes."""
        path = self.downloads / name
        path.unlink(missing_ok=True)
        if button == "export":
            self.click("help-open")
        self.click(button)
        if button == "export":
            self.click("help-close")
        return self.arrived(path)

    def arrived(self, path):
        """Wait until a file is there, and return its path."""
        end = time.monotonic() + PATIENCE
        # An empty one only holds the name for it.
        while not (path.exists() and path.stat().st_size) and time.monotonic() < end:
            time.sleep(0.05)
        return path

    def complaints(self):
        """Errors and warnings of the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Addresses asked for since the last call, those in the page itself apart."""
        messages = [
            json.loads(entry["message"])["message"]
            for entry in self.driver.get_log("performance")
        ]
        sent = [m for m in messages if m["method"] == "Network.requestWillBeSent"]
        urls = [message["params"]["request"]["url"] for message in sent]
        own = self.opened
        return [
            u for u in urls if u not in own and not u.startswith(("data:", "blob:"))
        ]

    def controls(self):
        """Role and name of what takes the focus, by the accessibility tree."""
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        tree = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
        found = []
        for node in tree["nodes"]:
            properties = {p["name"]: p["value"] for p in node.get("properties", [])}
            role = node.get("role", {}).get("value", "")
            if "focusable" in properties and role not in ("RootWebArea", "generic"):
                found.append((role, node.get("name", {}).get("value", "")))
        return found
