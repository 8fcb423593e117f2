/*
 * A PKCS#11 module with faults: it stands before a real one, hands every call on to it, and does what a folder says.
 *
 * FAULT_MODULE_REAL    path of the real module
 * FAULT_MODULE_FOLDER  folder with a file for each call that is at fault, named for it (C_Sign), which holds
 *
 *     COUNT ACTION [NUMBER]
 *
 * COUNT says how many calls are at fault, in all processes together; -1: all. ACTION is one of
 *
 *     hang            never returns
 *     crash           reads from address 0
 *     delay NUMBER    hands the call on after so many milliseconds
 *     return NUMBER   returns the value, and the real module hears nothing of the call
 *
 * If the folder has a file named "calls", a line is added to it for each call: process, name, returned value.
 *
 * Declarations follow the specification (PKCS#11 v2.40, section 5). Each argument of a call is a pointer or a number
 * that fits a register, and none has more than eight, so that one shape hands all of them on.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long Value;
typedef Value (*Call)(Value, Value, Value, Value, Value, Value, Value, Value);

#define RETURN_OK 0UL
#define RETURN_GENERAL_ERROR 5UL

/* Every call, in the order of CK_FUNCTION_LIST. */
#define CALLS(each) \
  each(C_Initialize) each(C_Finalize) each(C_GetInfo) each(C_GetFunctionList) each(C_GetSlotList) \
  each(C_GetSlotInfo) each(C_GetTokenInfo) each(C_GetMechanismList) each(C_GetMechanismInfo) \
  each(C_InitToken) each(C_InitPIN) each(C_SetPIN) each(C_OpenSession) each(C_CloseSession) \
  each(C_CloseAllSessions) each(C_GetSessionInfo) each(C_GetOperationState) \
  each(C_SetOperationState) each(C_Login) each(C_Logout) each(C_CreateObject) each(C_CopyObject) \
  each(C_DestroyObject) each(C_GetObjectSize) each(C_GetAttributeValue) each(C_SetAttributeValue) \
  each(C_FindObjectsInit) each(C_FindObjects) each(C_FindObjectsFinal) each(C_EncryptInit) \
  each(C_Encrypt) each(C_EncryptUpdate) each(C_EncryptFinal) each(C_DecryptInit) each(C_Decrypt) \
  each(C_DecryptUpdate) each(C_DecryptFinal) each(C_DigestInit) each(C_Digest) each(C_DigestUpdate) \
  each(C_DigestKey) each(C_DigestFinal) each(C_SignInit) each(C_Sign) each(C_SignUpdate) \
  each(C_SignFinal) each(C_SignRecoverInit) each(C_SignRecover) each(C_VerifyInit) each(C_Verify) \
  each(C_VerifyUpdate) each(C_VerifyFinal) each(C_VerifyRecoverInit) each(C_VerifyRecover) \
  each(C_DigestEncryptUpdate) each(C_DecryptDigestUpdate) each(C_SignEncryptUpdate) \
  each(C_DecryptVerifyUpdate) each(C_GenerateKey) each(C_GenerateKeyPair) each(C_WrapKey) \
  each(C_UnwrapKey) each(C_DeriveKey) each(C_SeedRandom) each(C_GenerateRandom) \
  each(C_GetFunctionStatus) each(C_CancelFunction) each(C_WaitForSlotEvent)

#define NUMBER_OF(name) NUMBER_##name,
enum { CALLS(NUMBER_OF) COUNT_OF_CALLS };

struct FunctionList {
  struct { unsigned char major, minor; } version;
  Call calls[COUNT_OF_CALLS];
};

static struct FunctionList *real_module(void) {
  static struct FunctionList *list;
  if (list != NULL) return list;
  const char *path = getenv("FAULT_MODULE_REAL");
  void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return NULL;
  Value (*get)(struct FunctionList **);
  *(void **)&get = dlsym(library, "C_GetFunctionList");
  if (get == NULL || get(&list) != RETURN_OK) return NULL;
  return list;
}

static int open_in_folder(const char *name, int flags) {
  char path[4096];
  const char *folder = getenv("FAULT_MODULE_FOLDER");
  if (folder == NULL) return -1;
  int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  return length < 0 || (size_t)length >= sizeof path ? -1 : open(path, flags);
}

/* Reads what is at fault with a call, and counts it. */
static int take_fault(const char *name, char action[16], unsigned long *number) {
  char text[64] = "";
  long count = 0;
  int file = open_in_folder(name, O_RDWR);
  if (file < 0) return 0;
  flock(file, LOCK_EX);
  ssize_t length = pread(file, text, sizeof text - 1, 0);
  *number = 0;
  int found = length > 0 && sscanf(text, "%ld %15s %li", &count, action, (long *)number) >= 2;
  if (found && count > 0) {
    int written = snprintf(text, sizeof text, "%ld %s %lu\n", count - 1, action, *number);
    if (pwrite(file, text, (size_t)written, 0) == written) (void)!ftruncate(file, written);
  }
  close(file);
  return found && count != 0;
}

static void record(const char *name, Value returned) {
  char line[128];
  int file = open_in_folder("calls", O_WRONLY | O_APPEND);
  if (file < 0) return;
  int length = snprintf(line, sizeof line, "%ld %s 0x%lx\n", (long)getpid(), name, returned);
  (void)!write(file, line, (size_t)length);
  close(file);
}

static void wait_for(unsigned long milliseconds) {
  struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/* Does what the folder says; tells whether the call is over with that. */
static int misbehave(const char *name, Value *returned) {
  char action[16] = "";
  unsigned long number = 0;
  if (!take_fault(name, action, &number)) return 0;
  if (strcmp(action, "hang") == 0) {
    for (;;) wait_for(60000);
  }
  if (strcmp(action, "crash") == 0) {
    /* Whatever handles the signal otherwise: this is how a module ends its process. */
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
  }
  if (strcmp(action, "delay") == 0) wait_for(number);
  *returned = number;
  return strcmp(action, "return") == 0;
}

static Value hand_on(int call, const char *name, const Value given[8]) {
  Value returned = RETURN_GENERAL_ERROR;
  if (!misbehave(name, &returned)) {
    struct FunctionList *real = real_module();
    if (real != NULL) {
      returned = real->calls[call](given[0], given[1], given[2], given[3], given[4], given[5],
                                   given[6], given[7]);
    }
  }
  record(name, returned);
  return returned;
}

#define DEFINE(name)                                                                      \
  static Value fault_##name(Value a, Value b, Value c, Value d, Value e, Value f, Value g, \
                            Value h) {                                                    \
    const Value given[8] = {a, b, c, d, e, f, g, h};                                      \
    return hand_on(NUMBER_##name, #name, given);                                          \
  }
CALLS(DEFINE)

#define NAME_OF(name) fault_##name,
static struct FunctionList list = {{2, 40}, {CALLS(NAME_OF)}};

/* The one function that is looked up by its name. */
Value C_GetFunctionList(struct FunctionList **given) {
  if (real_module() == NULL) return RETURN_GENERAL_ERROR;
  *given = &list;
  return RETURN_OK;
}
