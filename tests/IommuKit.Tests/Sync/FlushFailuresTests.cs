using System.Runtime.CompilerServices;
using IommuKit.Sync;

namespace IommuKit.Tests.Sync;

/// <summary>What has to be made up for after a primitive threw.</summary>
public class FlushFailuresTests
{
    private readonly FlushFailures _failures = new();

    [Fact]
    public void Noting_what_was_not_cleaned_waits() => HeldLock.ShouldStop(Gate(_failures), () => _failures.AddDirty(new IOException(), 0, 64));

    [Fact]
    public void Taking_what_has_to_be_cleaned_again_waits() => HeldLock.ShouldStop(Gate(_failures), () => _failures.TakeDirty());

    [Fact]
    public void Lines_that_were_not_cleaned_are_taken_once_with_all_between_them()
    {
        _failures.AddDirty(new IOException(), 0x1000, 64);
        _failures.AddDirty(new IOException(), 0x400, 128);
        _failures.TakeDirty().ShouldBe(new Lines(0x400, 0xc40));
        _failures.TakeDirty().Bytes.ShouldBe(0ul);
    }

    [Fact]
    public void A_failure_that_comes_while_others_are_made_up_for_stays()
    {
        _failures.ThrowIfPending();
        _failures.Add(new IOException("first"));
        long before = _failures.Count;
        _failures.Add(new TimeoutException("second"));

        _failures.Recovered(before);
        Should.Throw<TimeoutException>(_failures.ThrowIfPending);

        _failures.Recovered(_failures.Count);
        _failures.ArePending.ShouldBeFalse();
        _failures.ThrowIfPending();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref Lock Gate(FlushFailures failures);
}
