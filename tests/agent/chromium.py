"""A real Chromium without a window, for tests of the web page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from live import need
from selenium import webdriver


@contextmanager
def chromium(*arguments: str) -> Iterator[webdriver.Chrome]:
    """Start Chromium with more arguments, and end it."""
    for program in ("chromium", "chromedriver"):
        need(program)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # Chromium's sandbox does not work as root, and CI runs as root.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *arguments):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
