/* Plays two seconds of a tone by OpenAL: openal_tone FREQUENCY. Prints the device that it got. */
#include <al.h>
#include <alc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RATE 48000
#define FRAMES (2 * RATE)

int main(int argc, char **argv) {
    static short samples[FRAMES];
    double frequency = argc > 1 ? atof(argv[1]) : 440;
    /* How often to ask whether it has ended: OpenAL says it to nobody who does not ask. */
    const struct timespec pause = {0, 20 * 1000 * 1000};
    ALCdevice *device = alcOpenDevice(NULL);
    ALCcontext *context = device ? alcCreateContext(device, NULL) : NULL;
    ALuint buffer, source;
    ALint state;
    if (!context || !alcMakeContextCurrent(context)) {
        fprintf(stderr, "OpenAL gives no device\n");
        return 1;
    }
    printf("plays on %s\n", alcGetString(device, ALC_DEVICE_SPECIFIER));
    for (int i = 0; i < FRAMES; i++)
        samples[i] = (short)(8192 * sin(2 * M_PI * frequency * i / RATE));
    alGenBuffers(1, &buffer);
    alGenSources(1, &source);
    alBufferData(buffer, AL_FORMAT_MONO16, samples, sizeof samples, RATE);
    alSourcei(source, AL_BUFFER, (ALint)buffer);
    alSourcePlay(source);
    do {
        nanosleep(&pause, NULL);
        alGetSourcei(source, AL_SOURCE_STATE, &state);
    } while (state == AL_PLAYING);
    if (alGetError() != AL_NO_ERROR) {
        fprintf(stderr, "OpenAL reports an error\n");
        return 1;
    }
    alDeleteSources(1, &source);
    alDeleteBuffers(1, &buffer);
    alcMakeContextCurrent(NULL);
    alcDestroyContext(context);
    alcCloseDevice(device);
    return 0;
}
