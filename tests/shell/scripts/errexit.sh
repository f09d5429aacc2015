sh -ec 'true; false; echo no'; echo $?
sh -ec 'false || echo or; if false; then :; fi; ! true; echo on; (exit 9); echo no'; echo $?
sh -ec 'f() { false; echo in f; }; f || echo not reached; f; echo no'; echo $?
sh -ec 'x=$(false); echo no'; echo $?
sh -ec 'false | true; echo pipe; true | false; echo no'; echo $?
sh -uc 'echo ${unset_variable}; echo no' 2>/dev/null; echo $?
