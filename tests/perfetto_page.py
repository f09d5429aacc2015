"""Perfetto's user interface in a headless browser: opening what `View` serves, and asking it in SQL."""

from selenium.webdriver.support.wait import WebDriverWait

LOAD_LIMIT_S = 100
LOADED = "return Boolean(window.app && app.trace && !app.isLoadingTrace)"
ASK = """
    const [sql, done] = arguments;
    (async () => {
        const result = await app.trace.engine.query(sql);
        const rows = [];
        for (const row = result.iter({}); row.valid(); row.next()) {
            rows.push(result.columns().map((column) => {
                const value = row.get(column);
                return typeof value === 'bigint' ? Number(value) : value;
            }));
        }
        return rows;
    })().then((rows) => done({rows}), (error) => done({error: String(error)}));
"""


def open_page(browser, address):
    """Wait until the interface has the trace."""
    browser.get(address)
    WebDriverWait(browser, LOAD_LIMIT_S).until(lambda b: b.execute_script(LOADED))


def ask(browser, sql):
    """The rows of a query, as lists."""
    answer = browser.execute_async_script(ASK, sql)
    assert "error" not in answer, answer["error"]
    return answer["rows"]
