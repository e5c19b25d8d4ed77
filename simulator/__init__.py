"""A Daraja of our own: M-Pesa's HTTP API, handsets to tap on, and books that know what money truly moved.

It answers as `daraja.md` says Safaricom does, oddities included, so that the path that is tested is the path that is
shipped. It runs as a process of its own (`python manage.py simulator`), keeps everything in memory and knows neither
the product nor its settings.

Where to look: `apis/` one file per API · `pushes.py` the life of one prompt · `numbers.py` numbers that end by
themselves · `faults.py` the fifteen faults · `switches.py` what Safaricom does now this way, now that · `control.py`
the tests' door `/_sim/` · `pages.py` the handsets.
"""
