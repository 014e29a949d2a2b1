/* Plays two seconds of a tone by SDL2: sdl_tone FREQUENCY. Prints the driver that it got. */
#include <SDL.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE 48000
#define FRAMES (2 * RATE)

struct tone {
    double frequency;
    int frame;
    SDL_sem *done;
};

static void fill(void *data, Uint8 *bytes, int length) {
    struct tone *tone = data;
    float *samples = (float *)bytes;
    for (int i = 0; i < length / (int)sizeof(float); i += 2) {
        float value = 0;
        if (tone->frame < FRAMES)
            value = 0.25f * (float)sin(2 * M_PI * tone->frequency * tone->frame / RATE);
        samples[i] = samples[i + 1] = value;
        /* One second more, so that what is buffered is heard before the device is closed. */
        if (++tone->frame == FRAMES + RATE)
            SDL_SemPost(tone->done);
    }
}

int main(int argc, char **argv) {
    struct tone tone = {argc > 1 ? atof(argv[1]) : 440, 0, NULL};
    SDL_AudioSpec wanted = {0}, got;
    SDL_AudioDeviceID device;
    if (SDL_Init(SDL_INIT_AUDIO) < 0) {
        fprintf(stderr, "SDL_Init: %s\n", SDL_GetError());
        return 1;
    }
    printf("driver %s\n", SDL_GetCurrentAudioDriver());
    for (int i = 0; i < SDL_GetNumAudioDevices(0); i++)
        printf("plays on %s\n", SDL_GetAudioDeviceName(i, 0));
    for (int i = 0; i < SDL_GetNumAudioDevices(1); i++)
        printf("records from %s\n", SDL_GetAudioDeviceName(i, 1));
    tone.done = SDL_CreateSemaphore(0);
    wanted.freq = RATE;
    wanted.format = AUDIO_F32SYS;
    wanted.channels = 2;
    wanted.samples = 1024;
    wanted.callback = fill;
    wanted.userdata = &tone;
    device = SDL_OpenAudioDevice(NULL, 0, &wanted, &got, 0);
    if (!device) {
        fprintf(stderr, "SDL_OpenAudioDevice: %s\n", SDL_GetError());
        return 1;
    }
    SDL_PauseAudioDevice(device, 0);
    SDL_SemWait(tone.done);
    SDL_CloseAudioDevice(device);
    SDL_Quit();
    return 0;
}
