"""What docs/benchmarks says, measured: pictures, readers and measures, one harness, one renderer.

Pictures come from `corpora`: photographs, and what `synthetic` draws on `canvas`. Symbols whose truth is
known are drawn by `symbols`, damaged by `deformed`, `curves` and `ruins`; in pictures by `impostors` and
`blanks` is none, and `mixed` has files as a cluster meets them. `readers` builds what is compared.
`harness` looks at each picture, in processes if asked, keeps records, and times ways in turns; `scoring`
compares readings with the truth; `render` writes tables and pages. Other modules are a command or two.
"""
