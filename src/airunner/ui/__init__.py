"""The web page: what a person keeps open while a team of models works.

Owns what is shown. Every state lives in the server's services, which the native API
shares, so a reload goes on where it was and two windows show the same.
"""
