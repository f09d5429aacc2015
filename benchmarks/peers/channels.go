// A word to and fro between two goroutines through unbuffered channels, on one core: ns for a round trip.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	rounds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	runtime.GOMAXPROCS(1)
	to, fro := make(chan int), make(chan int)
	go func() {
		for word := range to {
			fro <- word + 1
		}
		close(fro)
	}()
	begun := time.Now()
	for i := 0; i < rounds; i++ {
		to <- i
		if <-fro != i+1 {
			os.Exit(1)
		}
	}
	fmt.Println(time.Since(begun).Nanoseconds()/int64(rounds), "ns")
	close(to)
}
