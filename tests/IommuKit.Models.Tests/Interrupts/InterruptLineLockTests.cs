using System.Runtime.CompilerServices;
using IommuKit.Models.Interrupts;

namespace IommuKit.Models.Tests.Interrupts;

/// <summary>The level of a line, what is not told of it yet and who is telling change together.</summary>
public class InterruptLineLockTests
{
    private readonly InterruptLine _line = new();

    [Fact]
    public void A_look_at_the_level_waits() => HeldLock.ShouldStop(Gate(_line), () => _line.IsRaised.ShouldBeFalse());

    [Fact]
    public void A_change_waits() => HeldLock.ShouldStop(Gate(_line), () => _line.Set(true));

    [Fact]
    public void Telling_waits_to_begin() => HeldLock.ShouldStop(Gate(_line), () => _line.Tell(null));

    [Fact]
    public void Telling_waits_to_end() => HeldLock.ShouldStopInside(Gate(_line), hold =>
    {
        _line.Set(!_line.IsRaised);
        _line.Tell(_ => hold());
    });

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref Lock Gate(InterruptLine line);
}
