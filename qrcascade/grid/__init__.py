"""Reading a symbol by its modules, where no engine reads it. The modules, in the order of the data:

`canvas` cuts a region out and takes uneven light off; `locate` finds versions and turns for a rough
outline, by finder patterns; `recentre` improves an outline that is far off; `variants` are other pixels of
the same region. `fit` gives every module its place on paper that is not flat: a fit is a value, `step` and
`grow` return new ones, over the `fields` of modules and samples, and `choose` picks the best of several.
`soft` says how surely each module is dark; `blur` and `deblur` say it through blur.

`layout` knows where everything lies in a symbol of each version, `formats` reads format information.
`codewords` goes with that from soft bits to a payload: `blocks` decodes its blocks by `reedsolomon`, which
corrects errors and erasures; `segments` turns data codewords into a payload; `evidence` bounds how likely it
is an accident, and `accept` believes it or not. `verify` compares what another engine read with the modules,
which `encode` draws up for it.

`region` keeps what is learned about one region, and is the one place that changes. `reader` runs its
stages, the cheap ones first.

Every threshold stands at the head of the module that alone uses it, with its name, its unit and where it
comes from: *measured* says on what; *derived* follows from a definition; *chosen* was set by hand, and is
tested by the benchmarks only as a part of the whole.
"""
