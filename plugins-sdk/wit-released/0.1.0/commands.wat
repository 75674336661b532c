;; Commands as they were built for silver:plugin@0.1.0, in the flat form of the canonical ABI. They must work for ever;
;; host/extensions/src/tests/abi.rs encodes them with the WIT beside it and says what they have to do.
(module
  (import "silver:plugin/console@0.1.0" "line" (func $line (param i32 i32)))
  (import "silver:plugin/index@0.1.0" "search" (func $search (param i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/http-fetch@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/workspace@0.1.0" "[method]staging.edits" (func $edits (param i32) (result i32)))
  (import "silver:plugin/trees@0.1.0" "[method]overlay.put"
    (func $put (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/workspace@0.1.0" "[resource-drop]staging" (func $drop-staging (param i32)))
  (import "silver:plugin/trees@0.1.0" "[resource-drop]overlay" (func $drop-overlay (param i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3))))
  (data (i32.const 4096) "look")
  (data (i32.const 4112) "python")
  (data (i32.const 4128) "https://a.example/x")
  (data (i32.const 4160) "name")

  ;; one parameter { name, kind: choice, required, not repeated, choices: ["look"], summary: "name", extra: [] } at 5100
  (data (i32.const 5200) "\00\10\00\00\04\00\00\00")
  (data (i32.const 5100) "\40\10\00\00\04\00\00\00\02\01\00\00\50\14\00\00\01\00\00\00\40\10\00\00\04\00\00\00\00\00\00\00\00\00\00\00")
  ;; one command { name: "look", summary: "look", params, extra: [] } at 5000
  (data (i32.const 5000) "\00\10\00\00\04\00\00\00\00\10\00\00\04\00\00\00\ec\13\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 5040) "\00\00\00\00\88\13\00\00\01\00\00\00")
  (func (export "silver:plugin/commands@0.1.0#list-commands") (result i32) (i32.const 5040))

  ;; ok: outcome { summary: "look", diagnostics: [], status: 3, extra: [] }
  (data (i32.const 6000) "\00\00\00\00\00\10\00\00\04\00\00\00\00\00\00\00\00\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00")
  (func (export "silver:plugin/commands@0.1.0#run-command")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $overlay i32)
    (call $line (i32.const 4096) (i32.const 4))
    (call $search (i32.const 4112) (i32.const 6) (i32.const 4096) (i32.const 4) (i32.const 10) (i32.const 2048))
    (call $get (i32.const 4128) (i32.const 19) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 2080))
    (local.set $overlay (call $edits (local.get 11)))
    (call $put (local.get $overlay) (i32.const 4160) (i32.const 4) (i32.const 4096) (i32.const 4) (i32.const 0) (i32.const 1)
      (i32.const 4096) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 2112))
    (if (i32.or (i32.load8_u (i32.const 2048)) (i32.or (i32.load8_u (i32.const 2080)) (i32.load8_u (i32.const 2112))))
      (then (unreachable)))
    (call $drop-overlay (local.get $overlay)) (call $drop-staging (local.get 11))
    (i32.const 6000)))
