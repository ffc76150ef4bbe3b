module ghostunnel

go 1.26.0

require github.com/ghostunnel/ghostunnel v1.8.4

// The version that it asks for is not to be had everywhere.
replace github.com/landlock-lsm/go-landlock => github.com/landlock-lsm/go-landlock v0.11.0

tool github.com/ghostunnel/ghostunnel
