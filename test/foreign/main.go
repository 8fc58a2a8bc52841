// Walks a served log with foreign libraries: golang.org/x/mod/sumdb/{note,tlog} and transparency-dev/merkle. The environment
// says which: URL, TOKEN (scope admin), LOG_TENANT as in paths, VKEY. Exits with 1 when anything differs.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var failed bool

func report(what string, holds bool) {
	fmt.Println(what+":", holds)
	failed = failed || !holds
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func get(path string, accept string) []byte {
	req := must(http.NewRequest("GET", os.Getenv("URL")+path, nil))
	req.Header.Set("authorization", "Bearer "+os.Getenv("TOKEN"))
	req.Header.Set("accept", accept)
	res := must(http.DefaultClient.Do(req))
	defer res.Body.Close()
	body := must(io.ReadAll(res.Body))
	if res.StatusCode != 200 {
		panic(fmt.Sprint(path, " ", res.StatusCode, " ", string(body)))
	}
	return body
}

type reader struct{ base string }

func (r reader) Height() int { return 8 }
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		// tlog-tiles leaves out the height: tile/8/L/N -> tile/L/N
		path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
		all = append(all, get(r.base+path, "application/octet-stream"))
	}
	return all, nil
}
func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	base := "/api/log/" + os.Getenv("LOG_TENANT") + "/"
	text := get(base+"checkpoint", "text/plain")
	verifier := must(note.NewVerifier(os.Getenv("VKEY")))
	opened := must(note.Open(text, note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	size := must(strconv.ParseInt(lines[1], 10, 64))
	root := must(base64.StdEncoding.DecodeString(lines[2]))
	fmt.Println("note.Open:", opened.Sigs[0].Name, "size", size, "further lines", len(opened.UnverifiedSigs))

	// Root from entry bundles by transparency-dev/merkle, and from tiles by tlog.
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	whole := factory.NewEmptyRange(0)
	var leaves [][]byte
	for at := int64(0); at < size; at += 256 {
		width := min(256, int(size-at))
		t := tlog.Tile{H: 8, L: -1, N: at / 256, W: width}
		path := strings.Replace(t.Path(), "tile/8/data/", "tile/entries/", 1)
		bundle := get(base+path, "application/octet-stream")
		for len(bundle) > 0 {
			n := int(binary.BigEndian.Uint16(bundle))
			leaves = append(leaves, bundle[2:2+n])
			if err := whole.Append(rfc6962.DefaultHasher.HashLeaf(bundle[2:2+n]), nil); err != nil {
				panic(err)
			}
			bundle = bundle[2+n:]
		}
	}
	report(fmt.Sprint("root from ", len(leaves), " leaves equals the signed one"), bytes.Equal(must(whole.GetRootHash(nil)), root))

	tree := tlog.Tree{N: size, Hash: tlog.Hash(root)}
	tiles := tlog.TileHashReader(tree, reader{base})
	report("tlog.TreeHash from tiles equals it", must(tlog.TreeHash(size, tiles)) == tree.Hash)

	same, checked := 0, 0
	for _, index := range []int64{0, 1, 255, 256, 65535, 65536, size / 2, size - 2, size - 1} {
		if index < 0 || index >= size {
			continue
		}
		checked++
		own := must(tlog.ProveRecord(size, index, tiles))
		var leaf struct {
			ID  string `json:"id"`
			Seq int    `json:"seq"`
		}
		if err := json.Unmarshal(leaves[index], &leaf); err != nil {
			panic(err)
		}
		var served struct {
			Leaf       string
			Index      int64
			Size       int64
			Hashes     [][]byte
			Checkpoint string
		}
		if err := json.Unmarshal(get(fmt.Sprintf("/api/spans/%s/proof?seq=%d", leaf.ID, leaf.Seq), "application/json"), &served); err != nil {
			panic(err)
		}
		equal := served.Leaf == string(leaves[index]) && served.Index == index && served.Size == size && len(own) == len(served.Hashes)
		for i := range own {
			equal = equal && bytes.Equal(own[i][:], served.Hashes[i])
		}
		err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), rfc6962.DefaultHasher.HashLeaf([]byte(served.Leaf)), served.Hashes, root)
		if equal && err == nil && tlog.CheckRecord(own, size, tree.Hash, index, tlog.RecordHash(leaves[index])) == nil {
			same++
		} else {
			fmt.Println("DIFFERS at", index, err)
		}
	}
	report(fmt.Sprint(checked, " inclusion proofs byte for byte those of tlog, and good for merkle/proof"), same == checked)

	same, checked = 0, 0
	for _, from := range []int64{1, 2, 255, 256, 257, 1000, 65535, 65536, size - 1} {
		if from < 1 || from >= size {
			continue
		}
		checked++
		own := must(tlog.ProveTree(size, from, tiles))
		var served struct{ Hashes [][]byte }
		if err := json.Unmarshal(get(fmt.Sprintf("%sconsistency?from=%d&to=%d", base, from, size), "application/json"), &served); err != nil {
			panic(err)
		}
		equal := len(own) == len(served.Hashes)
		for i := range own {
			equal = equal && bytes.Equal(own[i][:], served.Hashes[i])
		}
		early := must(tlog.TreeHash(from, tiles))
		err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from), uint64(size), served.Hashes, early[:], root)
		if equal && err == nil {
			same++
		} else {
			fmt.Println("DIFFERS from", from, err, len(own), len(served.Hashes))
		}
	}
	report(fmt.Sprint(checked, " consistency proofs byte for byte those of tlog, and good for merkle/proof"), same == checked)
	if failed {
		os.Exit(1)
	}
}
