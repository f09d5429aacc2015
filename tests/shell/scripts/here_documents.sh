name=world
cat <<END
hello $name $(echo "from $name") \$name
END
cat <<'END'
hello $name $(no) \$name
END
cat <<-END
	tabs are gone
	  but blanks stay
	END
cat <<A; cat <<B
first
A
second
B
tr a-z A-Z <<END | rev
piped
END
