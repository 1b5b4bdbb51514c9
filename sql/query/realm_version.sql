SELECT version FROM certvendor.realm
