"""The names that occur in the sample; a code is a position, and -1 means missing."""

from typing import Final

# Name -> share. The tenants' shares fall as rank ** -1.45.
TENANTS: Final = {
    "acme": 0.503,
    "globex": 0.184,
    "initech": 0.103,
    "umbrella": 0.067,
    "hooli": 0.049,
    "stark": 0.038,
    "wayne": 0.030,
    "soylent": 0.026,
}
CURRENCIES: Final = ("USD", "EUR", "USD", "GBP", "EUR", "USD", "USD", "EUR")
COUNTRIES: Final = {
    "US": 0.38,
    "DE": 0.16,
    "GB": 0.14,
    "IN": 0.12,
    "BR": 0.08,
    "FI": 0.05,
    "JP": 0.04,
    "AU": 0.03,
}
# Minutes east of UTC in those countries: sets the rhythm of their visitors' days.
HOME_OFFSETS: Final = (-300, 60, 0, 330, -180, 120, 540, 600)
BROWSERS: Final = {"chrome": 0.62, "safari": 0.2, "firefox": 0.1, "edge": 0.08}
PLATFORMS: Final = {"web": 0.6, "android": 0.23, "ios": 0.17}
ENVIRONMENTS: Final = {"production": 0.95, "staging": 0.035, "development": 0.015}
SERVICES: Final = ("web", "mobile", "api")
WEB, MOBILE, API = range(3)
SAMPLE_RATES: Final = {"": 0.6, "1": 0.37, "10": 0.03}
# Minutes east of UTC, characters kept of 2026-11-15T08:30:00.000, what follows them.
CLOCKS: Final = {
    (0, 19, "Z"): 0.3,
    (0, 23, "Z"): 0.24,
    (0, 23, "000Z"): 0.06,
    (0, 19, "+00:00"): 0.06,
    (120, 19, "+02:00"): 0.1,
    (120, 23, "+02:00"): 0.06,
    (-300, 19, "-05:00"): 0.06,
    (-300, 23, "-05:00"): 0.08,
    (330, 19, "+05:30"): 0.04,
}

# A visitor who purchases has taken all of the funnel's steps, from first to last.
EVENT_TYPES: Final = (
    "page_view",
    "product_view",
    "add_to_cart",
    "checkout",
    "purchase",
    "search",
    "login",
)
PAGE_VIEW, PRODUCT_VIEW, ADD_TO_CART, CHECKOUT, PURCHASE, SEARCH, LOGIN = range(7)

PRODUCTS: Final = [f"p-{number:04d}" for number in range(400)]
PRICES_IN_CENTS: Final = [490 + 731 * number % 9500 for number in range(len(PRODUCTS))]
QUANTITIES: Final = {1: 0.7, 2: 0.22, 3: 0.08}
AMOUNTS: Final = [
    f"{price * quantity // 100}.{price * quantity % 100:02d}"
    for price in PRICES_IN_CENTS
    for quantity in QUANTITIES
]

SEARCH_PAGE, CHECKOUT_PAGE = range(2)
PLAIN_PAGES: Final = ("/", "/sale", "/new", "/blog", "/about", "/account", "/help")
ODD_PAGES: Final = (
    "/search?q=red, blue",
    '/search?q="wool socks"',
    "/feedback?text=First line\nSecond line",
    '/suche?q=Größe 42,"blau"',
)
PAGES: Final = (
    "/search",
    "/checkout",
    *PLAIN_PAGES,
    *ODD_PAGES,
    *(f"/products/{product}" for product in PRODUCTS),
)
FIRST_PLAIN_PAGE: Final = PAGES.index(PLAIN_PAGES[0])
FIRST_ODD_PAGE: Final = PAGES.index(ODD_PAGES[0])
FIRST_PRODUCT_PAGE: Final = FIRST_ODD_PAGE + len(ODD_PAGES)
