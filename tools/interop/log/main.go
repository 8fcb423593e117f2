// Command log reads and writes transparency logs with the Go team's own packages, those behind
// sum.golang.org:
//
//	log verify FOLDER VKEY [OLDER]  verifies the checkpoint, every tile and entry, and a proof of each
//	log sign NAME SIZE ROOT         makes a key and signs a checkpoint with it: vkey, blank line, note
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles of C2SP tlog-tiles are 8 hashes high.
const height = 8

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("usage: log verify FOLDER VKEY [OLDER] | log sign NAME SIZE ROOT")
	}
	var err error
	switch os.Args[1] {
	case "verify":
		err = verify(os.Args[2], os.Args[3], os.Args[4:])
	case "sign":
		err = sign(os.Args[2], os.Args[3], os.Args[4])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// openTree verifies a checkpoint. Go's tlog.ParseTree reads only those of its own checksum database.
func openTree(path, vkey string) (tree tlog.Tree, err error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	signed, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	var origin, root string
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &tree.N, &root); err != nil {
		return tree, err
	}
	if origin != verifier.Name() {
		return tree, errors.New("a checkpoint of another log")
	}
	tree.Hash, err = tlog.ParseHash(root)
	return tree, err
}

// folder reads tiles of an exported log; its paths leave out the height, which is always 8.
type folder string

func (folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		path := filepath.Join(string(f), "tile", tile.Path()[len("tile/8/"):])
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

func verify(dir, vkey string, older []string) error {
	tree, err := openTree(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(dir))
	for n := int64(0); n < tree.N; n++ {
		data, err := readEntry(dir, n, tree.N)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, n, hashes)
		if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(data)); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
	for _, path := range older {
		before, err := openTree(path, vkey)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, before.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return err
		}
	}
	fmt.Printf("verified %d\n", tree.N)
	return nil
}

func readEntry(dir string, n, size int64) ([]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: n / 256, W: int(min(256, size-n/256*256))}
	// Go calls level -1 "data", where tlog-tiles says "entries".
	path := filepath.Join(dir, "tile", "entries", tile.Path()[len("tile/8/data/"):])
	bundle, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for skip := n % 256; ; skip-- {
		length := int(binary.BigEndian.Uint16(bundle))
		if skip == 0 {
			return bundle[2 : 2+length], nil
		}
		bundle = bundle[2+length:]
	}
}

func sign(name, size, root string) error {
	if _, err := strconv.ParseInt(size, 10, 64); err != nil {
		return err
	}
	if _, err := base64.StdEncoding.DecodeString(root); err != nil {
		return err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%s\n%s\n", name, size, root)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n\n%s", vkey, signed)
	return nil
}
