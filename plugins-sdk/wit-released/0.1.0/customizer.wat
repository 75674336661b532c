;; A customizer as it was built for silver:plugin@0.1.0, in the flat form of the canonical ABI. It must work for ever;
;; host/extensions/src/tests/abi.rs encodes it with the WIT beside it and says what it has to do.
(module
  (import "silver:plugin/log@0.1.0" "emit" (func $log (param i32 i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]tree.stat" (func $tree-stat (param i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]tree.read-text" (func $read-text (param i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]overlay.link"
    (func $link (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]overlay.put-text"
    (func $put-text (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]overlay.remove" (func $remove (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "silver:plugin/trees@0.1.0" "[method]overlay.snapshot" (func $snapshot (param i32) (result i32)))
  (import "silver:plugin/trees@0.1.0" "[resource-drop]tree" (func $drop-tree (param i32)))
  (import "silver:plugin/trees@0.1.0" "[resource-drop]overlay" (func $drop-overlay (param i32)))
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get 3))))

  ;; texts, and two inputs of a reason: `customization:x`
  (data (i32.const 4096) "site")
  (data (i32.const 4112) "header.html")
  (data (i32.const 4128) "env/header.html")
  (data (i32.const 4160) "old.html")
  (data (i32.const 4176) "made.txt")
  (data (i32.const 4192) "customization:header.html")
  (data (i32.const 4224) "\60\10\00\00\19\00\00\00")

  ;; ok: one claim { pattern: "header.html", summary: "site" }
  (data (i32.const 5000) "\10\10\00\00\0b\00\00\00\00\10\00\00\04\00\00\00")
  (data (i32.const 5032) "\00\00\00\00\88\13\00\00\01\00\00\00")
  (func (export "silver:plugin/customizer@0.1.0#claims") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.const 5032))

  ;; ok: one note { code: "site", message: "header.html", at: app, old.html, line 7, help: none } of 72 bytes at 6000
  (data (i32.const 6000) "\02\00\00\00\00\10\00\00\04\00\00\00\10\10\00\00\0b\00\00\00\01\00\00\00\00\00\00\00\40\10\00\00\08\00\00\00\07\00\00\00")
  (data (i32.const 6100) "\00\00\00\00\70\17\00\00\01\00\00\00")
  (func (export "silver:plugin/customizer@0.1.0#check") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $drop-tree (local.get 0)) (call $drop-tree (local.get 1))
    (i32.const 6100))

  (data (i32.const 6200) "\00\00\00\00\00\00\00\00\00\00\00\00")
  (func (export "silver:plugin/customizer@0.1.0#merge") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $log (i32.const 2) (i32.const 4096) (i32.const 4) (i32.const 0) (i32.const 0))
    ;; the customization's header.html becomes env/header.html, for a reason with one input
    (call $link (local.get 2) (local.get 1) (i32.const 4112) (i32.const 11) (i32.const 4128) (i32.const 15)
      (i32.const 1) (i32.const 4096) (i32.const 4) (i32.const 4224) (i32.const 1) (i32.const 2048))
    ;; made.txt gets the text of header.html
    (call $read-text (local.get 1) (i32.const 4112) (i32.const 11) (i32.const 2080))
    (call $put-text (local.get 2) (i32.const 4176) (i32.const 8) (i32.load (i32.const 2084)) (i32.load (i32.const 2088))
      (i32.const 0) (i32.const 4096) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 2112))
    ;; old.html goes, if the app has it
    (call $tree-stat (local.get 0) (i32.const 4160) (i32.const 8) (i32.const 2144))
    (if (i32.load8_u (i32.const 2144)) (then
      (call $remove (local.get 2) (i32.const 4160) (i32.const 8) (i32.const 4096) (i32.const 4) (i32.const 0) (i32.const 0)
        (i32.const 2240))))
    ;; a failure of any of them is an answer that cannot be read
    (if (i32.or (i32.load8_u (i32.const 2048)) (i32.or (i32.load8_u (i32.const 2080)) (i32.load8_u (i32.const 2112))))
      (then (unreachable)))
    (call $drop-tree (call $snapshot (local.get 2)))
    (call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2))
    (i32.const 6200)))
