module countersign.dev/vectors/confirm

go 1.25.8
