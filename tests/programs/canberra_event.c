/* Plays an event sound by libcanberra to its end: canberra_event FILE [cached].
 * With "cached" the server keeps the sound as a sample, and plays it from there. */
#include <canberra.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static int outcome = 1;

static void finish(ca_context *context, uint32_t id, int error, void *data) {
    (void)context, (void)id, (void)data;
    pthread_mutex_lock(&lock);
    outcome = error;
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv) {
    ca_context *context;
    ca_proplist *list;
    int error;
    if (argc < 2 || ca_context_create(&context) != CA_SUCCESS || ca_proplist_create(&list) != CA_SUCCESS)
        return 1;
    ca_context_set_driver(context, "pulse");
    ca_context_change_props(context, CA_PROP_APPLICATION_NAME, "canberra_event", NULL);
    ca_proplist_sets(list, CA_PROP_EVENT_ID, "test-event");
    ca_proplist_sets(list, CA_PROP_MEDIA_FILENAME, argv[1]);
    if (argc > 2 && strcmp(argv[2], "cached") == 0) {
        ca_proplist_sets(list, CA_PROP_CANBERRA_CACHE_CONTROL, "permanent");
        error = ca_context_cache_full(context, list);
        if (error != CA_SUCCESS) {
            fprintf(stderr, "caching: %s\n", ca_strerror(error));
            return 1;
        }
    }
    error = ca_context_play_full(context, 1, list, finish, NULL);
    if (error != CA_SUCCESS) {
        fprintf(stderr, "playing: %s\n", ca_strerror(error));
        return 1;
    }
    pthread_mutex_lock(&lock);
    while (outcome > 0)
        pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    if (outcome != CA_SUCCESS)
        fprintf(stderr, "played: %s\n", ca_strerror(outcome));
    ca_proplist_destroy(list);
    ca_context_destroy(context);
    return outcome == CA_SUCCESS ? 0 : 1;
}
