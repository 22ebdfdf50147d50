"""Carillon: a self-hosted audience and messaging platform."""
