using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>
/// What each thread writes for itself, with room in front: on a cache line that other threads write too, each store would wait for theirs. Fields of
/// derived classes come behind the room, and what their constructors allocate behind them.
/// </summary>
internal abstract class Padded
{
    // Two lines, as processors fetch them in pairs.
    [InlineArray(Words)]
    private struct Room
    {
        public ulong First;
    }

    private const int Words = 16;

#pragma warning disable CS0169, IDE0051, S1144 // It is there to be passed over.
    private Room _room;
#pragma warning restore CS0169, IDE0051, S1144
}
