"""Middleware of uvicorn that apps add themselves."""
