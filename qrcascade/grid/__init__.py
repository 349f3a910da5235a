"""Reading a symbol by its modules, where no engine reads it. The rooms, in the order of the data:

`locate` finds versions and turns for a rough outline, by finder patterns; `recentre` improves an outline
that is far off. `fit` gives every module its place on paper that is not flat. `soft` tells how surely each
one is dark, `deblur` tells it through blur. `layout` knows where everything lies in a symbol of each version.
`codewords` goes with that from soft bits to a payload: `blocks` decodes its blocks by `reedsolomon`, which
corrects errors and erasures; `segments` turns data codewords into a payload; `evidence` bounds how likely
it is an accident. `verify` compares what another engine read with the modules, which `encode` draws up
for it. `reader` runs all of them on one region, the cheap ways first.
"""
