"""The built-in samples: two weeks of `customer_events`, and a little of every feed.

The code that generates them belongs here; it knows nothing of the rest of the package.
"""

from event_warehouse.sample.files import DAYS, write_sample
from event_warehouse.sample.lines import COLUMNS

__all__ = ["COLUMNS", "DAYS", "write_sample"]
