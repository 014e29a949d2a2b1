//! The sound threads: devices, stream queues, rate buses, clocks.
