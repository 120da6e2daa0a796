"""How sends and publications end, for every service that reads them."""

from __future__ import annotations

SUCCESS = "send success"
"""The verdict of a job that reaches its followers."""
ARRIVED = ("SEND_SUCCESS", "DELETE")
"""The statuses of a job that has reached them; it may have been recalled since."""
DONE, RUNNING, NOT_ORIGINAL, FAILED, DELETED = 0, 1, 2, 3, 5
"""publish_status of WeChat."""
