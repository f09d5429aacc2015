%% A word to and fro between two processes, on one scheduler: ns for a round trip.
-module(pingpong).
-export([main/1]).

main([Rounds]) ->
    N = list_to_integer(atom_to_list(Rounds)),
    Pong = spawn(fun pong/0),
    Begun = erlang:monotonic_time(nanosecond),
    ping(Pong, N),
    io:format("~b ns~n", [(erlang:monotonic_time(nanosecond) - Begun) div N]),
    halt(0).

ping(_, 0) -> ok;
ping(Pong, N) ->
    Pong ! {self(), N},
    receive Answer when Answer =:= N + 1 -> ping(Pong, N - 1) end.

pong() ->
    receive {From, Word} -> From ! Word + 1, pong() end.
