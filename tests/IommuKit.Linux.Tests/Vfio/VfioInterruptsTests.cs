using System.Buffers.Binary;
using IommuKit.Linux.Vfio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Interrupts as VFIO is told of them (linux/vfio.h), and as a kernel raises them: by a file for each vector.</summary>
public class VfioInterruptsTests
{
    private const uint None = 1;
    private const uint Files = 4;
    private const uint Unmask = 16;
    private const uint Trigger = 32;

    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(30);

    private readonly List<byte[]> _sets = [];

    // What stands behind each file, as another test may open another one of the same number.
    private readonly Dictionary<int, string?> _events = [];

    [LinuxFact]
    public async Task Each_vector_is_awaited_by_itself()
    {
        using var interrupts = Make(VfioInterruptKind.MsiX, 3);
        Fields(_sets.ShouldHaveSingleItem()).ShouldBe([32, Files | Trigger, 2, 0, 3]);
        int[] files = FilesOf(_sets[0]);
        files.Distinct().Count().ShouldBe(3);
        var first = interrupts.WaitAsync(0);
        var last = interrupts.WaitAsync(2);
        Raise(files[2]);
        (await last.WaitAsync(s_most)).ShouldBe(1);
        first.IsCompleted.ShouldBeFalse();
        Raise(files[1]);
        Raise(files[0]);
        (await first.WaitAsync(s_most)).ShouldBe(1);
        (await interrupts.WaitAsync(1).WaitAsync(s_most)).ShouldBe(1);
    }

    [LinuxFact]
    public async Task What_came_before_it_was_waited_for_counts()
    {
        using var interrupts = Make(VfioInterruptKind.Msi, 2);
        for (int i = 0; i < 5; i++)
        {
            Raise(FilesOf(_sets[0])[1]);
        }

        long count = 0;
        while (count < 5)
        {
            count += await interrupts.WaitAsync(1).WaitAsync(s_most);
        }

        count.ShouldBe(5);
        using var cancellation = new CancellationTokenSource();
        var none = interrupts.WaitAsync(1, cancellation.Token);
        none.IsCompleted.ShouldBeFalse();
        await cancellation.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => none.WaitAsync(s_most));
    }

    [LinuxFact]
    public async Task A_pin_is_unmasked_after_each()
    {
        using var interrupts = Make(VfioInterruptKind.Pin, 1);
        Fields(_sets[0]).ShouldBe([24, Files | Trigger, 0, 0, 1]);
        for (int i = 0; i < 3; i++)
        {
            var wait = interrupts.WaitAsync();
            Raise(FilesOf(_sets[0])[0]);
            (await wait.WaitAsync(s_most)).ShouldBe(1);
            interrupts.Unmask();
            Fields(_sets[^1]).ShouldBe([20, None | Unmask, 0, 0, 1]);
        }
    }

    [LinuxFact]
    public async Task The_end_tells_the_kernel_first_and_ends_all_waits()
    {
        int closings = 0;
        var interrupts = Make(VfioInterruptKind.Msi, 4, () => closings++);
        int[] files = FilesOf(_sets[0]);
        var waits = Enumerable.Range(0, 4).Select(vector => interrupts.WaitAsync(vector)).ToArray();
        interrupts.Dispose();
        interrupts.Dispose();
        Fields(_sets[^1]).ShouldBe([20, None | Trigger, 1, 0, 0]);
        _sets.Count.ShouldBe(2);
        closings.ShouldBe(1);
        foreach (var wait in waits)
        {
            await Should.ThrowAsync<OperationCanceledException>(() => wait.WaitAsync(s_most));
        }

        files.ShouldAllBe(file => EventOf(file) != _events[file]);
        Should.Throw<ObjectDisposedException>(() => { _ = interrupts.WaitAsync(); });
    }

    [LinuxTheory]
    [InlineData(2, "only 2 interrupts", HostProblem.Unavailable)]
    [InlineData(-22, "cannot be enabled", HostProblem.Failed)]
    public void What_is_refused_leaves_no_file(int result, string expected, HostProblem problem)
    {
        var refusal = Should.Throw<HostException>(() => Make(VfioInterruptKind.MsiX, 3, result: result));
        refusal.Message.ShouldContain(expected);
        refusal.Message.ShouldNotContain("\n");
        refusal.Problem.ShouldBe(problem);
        FilesOf(_sets[0]).ShouldAllBe(file => EventOf(file) != _events[file]);
    }

    private VfioInterrupts Make(VfioInterruptKind kind, int count, Action? closed = null, int result = 0) => new(
        set =>
        {
            _sets.Add(set);
            foreach (int file in FilesOf(set))
            {
                _events[file] = EventOf(file).ShouldNotBeNull();
            }

            return result;
        },
        "0000:00:04.0",
        kind,
        count,
        _ => closed?.Invoke());

    private static uint[] Fields(byte[] set) =>
        [.. Enumerable.Range(0, 5).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(set.AsSpan(i * sizeof(uint))))];

    private static int[] FilesOf(byte[] set) =>
        [.. Enumerable.Range(5, (set.Length / sizeof(int)) - 5).Select(i => BinaryPrimitives.ReadInt32LittleEndian(set.AsSpan(i * sizeof(int))))];

    private static void Raise(int file)
    {
        using var handle = new SafeFileHandle(file, ownsHandle: false);
        HostCalls.Raise(handle);
    }

    /// <summary>The number of the event that a file counts; null if it counts none.</summary>
    private static string? EventOf(int file)
    {
        try
        {
            return File.ReadLines($"/proc/self/fdinfo/{file}").FirstOrDefault(line => line.StartsWith("eventfd-id:"));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
