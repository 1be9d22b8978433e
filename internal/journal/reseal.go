package journal

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrOtherKey says that numbers are stored under another hash key than the file's.
var ErrOtherKey = errors.New("the numbers in this database are stored under another hash key")

// CheckKey makes sure that numbers are hashed in this database as they were before. The
// first server to ask sets the key, unless numbers that are stored already tell otherwise.
func CheckKey(ctx context.Context, pool *pgxpool.Pool, s *Sealer) error {
	mine := s.ring.Load().fingerprint()
	var stored []byte
	err := pool.QueryRow(ctx, "select fingerprint from ivr.number_key").Scan(&stored)
	if errors.Is(err, pgx.ErrNoRows) {
		if err := agrees(ctx, pool, s); err != nil {
			return err
		}
		// Two servers may be the first at once: the one that comes second finds the other's.
		_, err = pool.Exec(ctx, "insert into ivr.number_key (fingerprint) values ($1) on conflict do nothing", mine)
		if err == nil {
			err = pool.QueryRow(ctx, "select fingerprint from ivr.number_key").Scan(&stored)
		}
	}
	if err != nil {
		return fmt.Errorf("check the key for callers' numbers: %w", err)
	}
	if !bytes.Equal(stored, mine) {
		return fmt.Errorf("%w: theirs is %x, NUMBER_KEY_FILE %s has %x; give the server the file that was used before",
			ErrOtherKey, stored, s.file, mine)
	}
	return nil
}

// agrees compares the key with the newest number that is stored.
func agrees(ctx context.Context, pool *pgxpool.Pool, s *Sealer) error {
	var hash, enc []byte
	err := pool.QueryRow(ctx, `
		(select caller_hash, caller_enc from ivr.calls where caller_enc is not null order by started_at desc limit 1)
		union all
		(select msisdn_hash, msisdn_enc from ivr.orders order by created_at desc limit 1)
		limit 1`).Scan(&hash, &enc)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the key for callers' numbers: %w", err)
	}
	number, err := s.Open(enc)
	if err != nil || !bytes.Equal(s.Hash(number), hash) {
		return fmt.Errorf("%w: NUMBER_KEY_FILE %s does not open those that are stored; give the server the file that was used before", ErrOtherKey, s.file)
	}
	return nil
}

// sealedColumn is a column of encrypted numbers; a test finds them all.
type sealedColumn struct{ table, key, kind, hash, enc string } // key: primary key, of type kind

var sealedColumns = []sealedColumn{
	{"ivr.calls", "call_id", "uuid", "caller_hash", "caller_enc"},
	{"ivr.orders", "order_id", "uuid", "msisdn_hash", "msisdn_enc"},
	{"ivr.callbacks", "id", "text", "caller_hash", "caller_enc"},
}

// KeyUse is how many numbers of a table are encrypted with a key.
type KeyUse struct {
	Table   string `json:"table"`
	Key     int    `json:"key"`
	Numbers int64  `json:"numbers"`
	Known   bool   `json:"known"`  // the key is in the file
	Newest  bool   `json:"newest"` // it is the one that encrypts
}

// KeyUses tells which keys the stored numbers are encrypted with, by table and key.
func KeyUses(ctx context.Context, pool *pgxpool.Pool, s *Sealer) ([]KeyUse, error) {
	var all []KeyUse
	r := s.ring.Load()
	for _, c := range sealedColumns {
		use := KeyUse{Table: c.table}
		rows, _ := pool.Query(ctx, fmt.Sprintf(
			"select ivr.key_of(%[1]s), count(*) from %[2]s where %[1]s is not null group by 1 order by 1", c.enc, c.table))
		_, err := pgx.ForEachRow(rows, []any{&use.Key, &use.Numbers}, func() error {
			use.Known, use.Newest = r.keys[byte(use.Key)] != nil, use.Key == int(r.newest)
			all = append(all, use)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("count the encrypted numbers of %s: %w", c.table, err)
		}
	}
	return all, nil
}

// Resealed is what Reseal did.
type Resealed struct {
	Numbers int64 `json:"numbers"` // encrypted anew
	Failed  int64 `json:"failed"`  // cannot be opened, or their hash is not theirs: left as they are
}

// Reseal encrypts with the newest key all numbers that are not, portion by portion, each in a
// transaction of its own, while servers go on; done is told after each. It may be stopped and
// begun again at any time. A row that a server holds at that moment is left to the next time.
func Reseal(ctx context.Context, pool *pgxpool.Pool, s *Sealer, portion int, done func(table string, total Resealed)) (Resealed, error) {
	var total Resealed
	for _, c := range sealedColumns {
		for after, more := "", true; more; {
			err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
				var part Resealed
				if part, after, err = c.reseal(ctx, tx, s, after, portion); err == nil {
					more = part != Resealed{}
					total.Numbers += part.Numbers
					total.Failed += part.Failed
				}
				return err
			})
			if err != nil {
				return total, fmt.Errorf("encrypt the numbers of %s anew: %w", c.table, err)
			}
			if more && done != nil {
				done(c.table, total)
			}
		}
	}
	return total, nil
}

// reseal does one portion: rows after a key. That keeps it from reading again what is done.
func (c sealedColumn) reseal(ctx context.Context, tx pgx.Tx, s *Sealer, after string, portion int) (part Resealed, last string, _ error) {
	last = after
	type number struct {
		ID        string
		Hash, Enc []byte
	}
	rows, _ := tx.Query(ctx, fmt.Sprintf(`
		select %[1]s::text, %[2]s, %[3]s from %[4]s
		where %[3]s is not null and ivr.key_of(%[3]s) <> $1 and ($2 = '' or %[1]s > nullif($2, '')::%[5]s)
		order by %[1]s limit $3 for update skip locked`, c.key, c.hash, c.enc, c.table, c.kind), s.Newest(), after, portion)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[number])
	if err != nil {
		return part, last, err
	}
	var batch pgx.Batch
	for _, n := range all {
		last = n.ID
		m, err := s.Open(n.Enc)
		if err != nil || !bytes.Equal(s.Hash(m), n.Hash) {
			part.Failed++
			continue
		}
		part.Numbers++
		batch.Queue(fmt.Sprintf("update %s set %s = $2 where %s = $1::%s", c.table, c.enc, c.key, c.kind), n.ID, s.Seal(m).Enc)
	}
	return part, last, tx.SendBatch(ctx, &batch).Close()
}

// Fingerprint tells hash keys apart, for people: 16 hexadecimal digits.
func (s *Sealer) Fingerprint() string { return hex.EncodeToString(s.ring.Load().fingerprint()) }
