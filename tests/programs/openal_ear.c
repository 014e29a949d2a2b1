/* Records one second that is not silent by OpenAL: openal_ear FILE, in s16, 48 kHz, mono. */
#include <al.h>
#include <alc.h>
#include <stdio.h>
#include <time.h>

#define RATE 48000

int main(int argc, char **argv) {
    static short samples[RATE];
    int frames = 0;
    /* How often to look for more: OpenAL has no event for it. */
    const struct timespec pause = {0, 10 * 1000 * 1000};
    ALCdevice *device = alcCaptureOpenDevice(NULL, RATE, AL_FORMAT_MONO16, RATE);
    FILE *file;
    if (argc != 2 || !device) {
        fprintf(stderr, "OpenAL gives no device\n");
        return 1;
    }
    alcCaptureStart(device);
    while (frames < RATE) {
        ALCint ready;
        nanosleep(&pause, NULL);
        alcGetIntegerv(device, ALC_CAPTURE_SAMPLES, 1, &ready);
        for (; ready > 0 && frames < RATE; ready--) {
            alcCaptureSamples(device, &samples[frames], 1);
            if (frames > 0 || samples[0] != 0)
                frames++;
        }
    }
    alcCaptureStop(device);
    alcCaptureCloseDevice(device);
    file = fopen(argv[1], "wb");
    if (!file || fwrite(samples, sizeof samples, 1, file) != 1 || fclose(file) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
