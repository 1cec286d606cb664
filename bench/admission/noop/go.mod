module strongroom.example/bench/noop

go 1.26
