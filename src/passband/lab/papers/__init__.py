"""What the papers found, as tables that ours are drawn beside."""

from passband.lab.papers.published import Point, available, load

__all__ = ["Point", "available", "load"]
