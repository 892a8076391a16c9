module signet.dev/signet

go 1.21
