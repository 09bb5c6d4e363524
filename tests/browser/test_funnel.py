"""Funnel: the seed's, built by hand on the page."""

from playwright.sync_api import Page, expect

from tests.browser.explorer import Explorer, answered, chart_values, choose, table_of


def test_funnel_of_the_seed_counts_who_adds_the_colour_they_have_viewed(
    page: Page, explorer: Explorer
) -> None:
    page.get_by_role("link", name="Funnel").click()
    choose(page, "Event type of Step 1", "prod", "product_view")
    choose(page, "Event type of Step 2", "add", "add_to_cart")
    page.get_by_role("button", name="Add a match key").click()
    choose(page, "Match key 2", "item", "item_colour_id")
    rows = [row[:5] for row in table_of(answered(page))]
    # u2 adds another colour, u3 adds before viewing.
    assert rows == [
        ["Step", "Users", "With match keys", "Of the first", "Of the one before"],
        ["1. product_view", "5", "5", "100.0 %", "100.0 %"],
        ["2. add_to_cart", "2", "2", "40.0 %", "40.0 %"],
    ]
    said = chart_values(answered(page))
    assert "2. add_to_cart: 2, 40.0 % of the first step" in said
    views, carts = (
        {
            "name": name,
            "filters": [{"type": "eq", "key": "event_tag", "value": name}],
        }
        for name in ("product_view", "add_to_cart")
    )
    funnel = {
        "type": "exact_order",
        "order": ["product_view", "add_to_cart"],
        "match": ["user_id", "item_colour_id"],
    }
    answer = explorer.ask({"data": [views, carts], "funnel": [funnel]})
    counted = [step["user_count"] for step in answer["funnels"][0]["steps"]]
    assert counted == [int(row[1]) for row in rows[1:]]


def test_window_and_breakdown_narrow_the_funnel(page: Page, explorer: Explorer) -> None:
    explorer.open(
        page,
        '#/funnel?tenant=shop&steps=[{"type":"product_view"},{"type":"add_to_cart"}]'
        '&match=["user_id","item_colour_id"]&by=country',
    )
    within = page.get_by_label("All steps within", exact=True)
    within.fill("3")
    page.get_by_label("Unit of: All steps within").select_option("60")
    rows = [row[:3] for row in table_of(answered(page))[1:]]
    # Only u4 takes less than three minutes.
    assert rows == [
        ["1. product_view", "DE", "3"],
        ["2. add_to_cart", "DE", "1"],
        ["1. product_view", "FR", "1"],
        ["2. add_to_cart", "FR", "0"],
        ["1. product_view", "(none)", "1"],
        ["2. add_to_cart", "(none)", "0"],
    ]
    assert "window=180" in page.url


def test_steps_can_be_moved_and_removed(page: Page) -> None:
    page.get_by_role("link", name="Funnel").click()
    choose(page, "Event type of Step 1", "prod", "product_view")
    choose(page, "Event type of Step 2", "sign", "sign_up")
    page.get_by_role("button", name="Move Step 2 up").click()
    first = page.get_by_role("combobox", name="Event type of Step 1")
    expect(first).to_have_value("sign_up")
    expect(first).to_be_focused()
    assert [row[1] for row in table_of(answered(page))[1:]] == ["1", "0"]


def test_wrong_expression_of_a_step_leads_to_its_filter(
    page: Page, explorer: Explorer
) -> None:
    explorer.open(
        page,
        '#/funnel?tenant=shop&steps=[{"type":"product_view"},'
        '{"type":"add_to_cart","filters":[["country","regex","("]]}]',
    )
    value = page.get_by_role("combobox", name="Value of filter 1 of Step 2")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("has a group that is not closed")
    expect(value).to_have_attribute("aria-invalid", "true")
    alert.get_by_role("button", name="Value of filter 1 of Step 2").click()
    expect(value).to_be_focused()
