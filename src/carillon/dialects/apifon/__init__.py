"""Apifon's REST API."""
