using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>Interrupts of a device, to be awaited. One thread waits for all of them.</summary>
public sealed class VfioInterrupts : IDisposable
{
    private const uint None = 1;
    private const uint EventFiles = 4;
    private const uint UnmaskAction = 16;
    private const uint TriggerAction = 32;

    private readonly Func<byte[], int> _set;
    private readonly VfioInterruptKind _kind;
    private readonly SafeFileHandle[] _events;
    private readonly Vector[] _vectors;
    private readonly SafeFileHandle _stop;
    private readonly Thread _thread;
    private readonly Action<IDisposable> _closed;
    private int _isClosed;

    /// <summary>Has them delivered.</summary>
    /// <param name="set">Makes the kernel's call with a structure; below 0 its errno, negative.</param>
    /// <param name="name">The device.</param>
    /// <param name="kind">Which kind.</param>
    /// <param name="count">How many vectors.</param>
    /// <param name="closed">Told once they are closed.</param>
    internal VfioInterrupts(Func<byte[], int> set, string name, VfioInterruptKind kind, int count, Action<IDisposable> closed)
    {
        _closed = closed;
        _set = set;
        _kind = kind;
        _vectors = [.. Enumerable.Range(0, count).Select(_ => new Vector())];
        var files = MakeFiles(count + 1);
        (_events, _stop) = (files[..^1], files[^1]);
        int result = Set(EventFiles | TriggerAction, [.. _events.Select(one => (int)one.DangerousGetHandle())]);
        if (result != 0)
        {
            CloseFiles();
            throw result < 0
                ? Remedies.Failed($"interrupts of {name} cannot be enabled", -result)
                : new HostException(
                    HostProblem.Unavailable, $"only {result} interrupts of {name} are left, not {count}: enable no more, or those of fewer devices");
        }

        _thread = new Thread(Run) { IsBackground = true, Name = $"interrupts of {name}" };
        _thread.Start();
    }

    /// <summary>Waits for an interrupt. What came since the last time counts; one waits for a vector at a time.</summary>
    /// <param name="vector">Which.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>How often it came, at least once; the kernel counts those that come too fast together.</returns>
    /// <exception cref="OperationCanceledException">The wait was ended, or the interrupts were disposed of.</exception>
    public Task<long> WaitAsync(int vector = 0, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        return _vectors[vector].Next(cancellation);
    }

    /// <summary>Lets a pin interrupt come again, after the device was told to take it back.</summary>
    public void Unmask()
    {
        int result = Set(None | UnmaskAction, []);
        if (result < 0)
        {
            throw Remedies.Failed("the interrupt cannot be unmasked", -result);
        }
    }

    /// <summary>Has interrupts delivered no more, and ends all waits.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }

        Set(None | TriggerAction, [], count: 0);
        HostCalls.Raise(_stop);
        _thread.Join();
        CloseFiles();
        foreach (var vector in _vectors)
        {
            vector.End();
        }

        _closed(this);
    }

    /// <summary>Files that count events: all, or none is left open.</summary>
    private static SafeFileHandle[] MakeFiles(int count)
    {
        var files = new SafeFileHandle[count];
        try
        {
            for (int i = 0; i < count; i++)
            {
                files[i] = Nodes.MakeEvent();
            }

            return files;
        }
        catch
        {
            foreach (var file in files)
            {
                file?.Dispose();
            }

            throw;
        }
    }

    private void CloseFiles()
    {
        foreach (var file in _events)
        {
            file.Dispose();
        }

        _stop.Dispose();
    }

    /// <summary>Tells the kernel: a header, and a file for each vector.</summary>
    private int Set(uint flags, int[] files, int count = 1)
    {
        const int header = 5 * sizeof(uint);
        byte[] set = new byte[header + (files.Length * sizeof(int))];
        uint[] fields = [(uint)set.Length, flags, (uint)_kind, 0, files.Length != 0 ? (uint)files.Length : (uint)count];
        for (int i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(set.AsSpan(i * sizeof(uint)), fields[i]);
        }

        for (int i = 0; i < files.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(set.AsSpan(header + (i * sizeof(int))), files[i]);
        }

        return _set(set);
    }

    private void Run()
    {
        SafeFileHandle[] files = [.. _events, _stop];
        while (true)
        {
            bool[] ready = HostCalls.WaitForAny(files);
            if (ready[^1])
            {
                return;
            }

            for (int i = 0; i < _vectors.Length; i++)
            {
                if (ready[i])
                {
                    _vectors[i].Add(HostCalls.TakeEvent(_events[i]));
                }
            }
        }
    }

    /// <summary>What came of one vector, and who waits for it.</summary>
    private sealed class Vector
    {
        private readonly Lock _gate = new();
        private TaskCompletionSource<long>? _waiter;
        private long _count;
        private bool _isOver;

        public Task<long> Next(CancellationToken cancellation)
        {
            lock (_gate)
            {
                if (_count != 0)
                {
                    long count = _count;
                    _count = 0;
                    return Task.FromResult(count);
                }

                if (_isOver)
                {
                    return Task.FromCanceled<long>(new CancellationToken(canceled: true));
                }

                if (_waiter is { Task.IsCompleted: false })
                {
                    throw new InvalidOperationException("Somebody waits for this interrupt already.");
                }

                _waiter = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
                return cancellation.CanBeCanceled ? Cancellable(_waiter, cancellation) : _waiter.Task;
            }
        }

        public void Add(long count)
        {
            lock (_gate)
            {
                _count += count;
                if (_waiter is not null && _waiter.TrySetResult(_count))
                {
                    _count = 0;
                }

                _waiter = null;
            }
        }

        public void End()
        {
            lock (_gate)
            {
                _isOver = true;
                _waiter?.TrySetCanceled();
            }
        }

        private static async Task<long> Cancellable(TaskCompletionSource<long> waiter, CancellationToken cancellation)
        {
            using (cancellation.UnsafeRegister((state, token) => ((TaskCompletionSource<long>)state!).TrySetCanceled(token), waiter))
            {
                return await waiter.Task.ConfigureAwait(false);
            }
        }
    }
}
