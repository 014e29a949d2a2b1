/* Records one second that is not silent by SDL2: sdl_ear DEVICE FILE, in float, 48 kHz, mono. */
#include <SDL.h>
#include <stdio.h>

#define RATE 48000

struct ear {
    float samples[RATE];
    int frame;
    SDL_sem *done;
};

static void take(void *data, Uint8 *bytes, int length) {
    struct ear *ear = data;
    const float *samples = (const float *)bytes;
    for (int i = 0; i < length / (int)sizeof(float) && ear->frame < RATE; i++) {
        if (ear->frame == 0 && samples[i] == 0)
            continue;
        ear->samples[ear->frame++] = samples[i];
        if (ear->frame == RATE)
            SDL_SemPost(ear->done);
    }
}

int main(int argc, char **argv) {
    static struct ear ear;
    SDL_AudioSpec wanted = {0}, got;
    SDL_AudioDeviceID device;
    FILE *file;
    if (argc != 3 || SDL_Init(SDL_INIT_AUDIO) < 0) {
        fprintf(stderr, "SDL_Init: %s\n", SDL_GetError());
        return 1;
    }
    ear.done = SDL_CreateSemaphore(0);
    wanted.freq = RATE;
    wanted.format = AUDIO_F32SYS;
    wanted.channels = 1;
    wanted.samples = 1024;
    wanted.callback = take;
    wanted.userdata = &ear;
    device = SDL_OpenAudioDevice(argv[1], 1, &wanted, &got, 0);
    if (!device) {
        fprintf(stderr, "SDL_OpenAudioDevice: %s\n", SDL_GetError());
        return 1;
    }
    SDL_PauseAudioDevice(device, 0);
    SDL_SemWait(ear.done);
    SDL_CloseAudioDevice(device);
    SDL_Quit();
    file = fopen(argv[2], "wb");
    if (!file || fwrite(ear.samples, sizeof ear.samples, 1, file) != 1 || fclose(file) != 0) {
        perror(argv[2]);
        return 1;
    }
    return 0;
}
