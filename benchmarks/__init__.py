"""What docs/benchmarks says, measured: pictures, readers and measures, one harness, one way to make a page.

Pictures come from `corpora`: photographs, and what `synthetic` draws on a page of `symbols`. Symbols whose
truth is known are damaged by `deformed`, `conditions`, `ruins` and `mixing`, and faults that people report by
`kinds`, on `sheets`; in pictures by `impostors` is none, and `mixed` has files as a cluster meets them.
`readers` builds what is compared. `harness` looks at each picture, in processes if asked, keeps records, and
times ways in turns; `scoring` compares readings with the truth; `pages` makes commands of functions, and
tables and pages of figures. Other modules are a command or some.
"""
