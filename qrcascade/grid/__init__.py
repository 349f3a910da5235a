"""Read a symbol from its modules when no engine reads it. The Python modules, in the order of the data:

`canvas` cuts a region out and removes uneven light; `locate` finds versions and turns for a rough outline, by
finder patterns; `recentre` improves an outline that is far off; `variants` are other pixels of the same
region. `fit` gives every module its place on paper that is not flat: a fit is a value; `step` and `grow`
return new ones, over the `fields` of modules and samples; and `choose` picks the best of several. `soft`
estimates how certainly each module is dark; `blur` and `deblur` do so through blur.

`layout` has the places in a symbol of each version, and `formats` reads format information. `codewords` uses
both to turn soft bits into a payload: `blocks` decodes its blocks with `reedsolomon`, which corrects errors
and erasures; `segments` turns data codewords into a payload; `evidence` bounds the probability that it is an
accident, and `accept` decides whether to believe it. `verify` compares what another engine read, encoded by
`encode`, with the modules.

`region` holds what is learned about one region, and is the only mutable state. `reader` runs its stages, the
cheap ones first.

Every threshold is defined at the top of the only module that uses it, with its name, unit and origin:
*measured* says on what; *derived* follows from a definition; *chosen* was set by hand, and is tested by the
benchmarks only as part of the whole.
"""
