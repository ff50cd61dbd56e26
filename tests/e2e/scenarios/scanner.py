"""Runs a tool of SIPVicious from a source address, and under another name if one is given: two of the
three tools cannot be told either."""

import importlib
import socket
import sys

tool, source, agent = sys.argv[1:4]


class Socket(socket.socket):
    def bind(self, address):
        super().bind((source, address[1]))


socket.socket = Socket
module = importlib.import_module("sipvicious." + tool)
if agent:
    request = module.makeRequest
    module.makeRequest = lambda *a, **k: request(*a, **k).replace("friendly-scanner", agent)
sys.argv[1:] = sys.argv[4:]
module.main()
