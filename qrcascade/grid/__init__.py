"""Reading a symbol from its modules: the rooms here.

`layout` knows where everything lies in a symbol of each version, `reedsolomon` corrects errors and
erasures, `segments` turns data codewords into a payload, `evidence` bounds how likely a payload is
an accident, and `codewords` goes with them from soft module values to a payload with its evidence.
"""
