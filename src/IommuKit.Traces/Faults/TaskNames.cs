using System.Text;

namespace IommuKit.Traces.Faults;

/// <summary>Numbers for the names of tasks, so that a map has to remember only that.</summary>
internal sealed class TaskNames
{
    // Two names are compared only by their hash: what goes wrong then is a name in a sentence.
    private const int MaxTasks = 1 << 16;

    private readonly Dictionary<ulong, int> _numbers = [];
    private readonly List<string> _names = [string.Empty];
    private readonly byte[] _last = new byte[64];
    private int _lastLength;
    private int _lastNumber;

    /// <summary>The number of a name; 0 if there is no name, or too many are known.</summary>
    public int Of(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            return 0;
        }

        // Events of one task come together.
        if (name.SequenceEqual(_last.AsSpan(0, _lastLength)))
        {
            return _lastNumber;
        }

        // FNV-1a.
        ulong hash = 14_695_981_039_346_656_037;
        foreach (byte next in name)
        {
            hash = (hash ^ next) * 1_099_511_628_211;
        }

        if (!_numbers.TryGetValue(hash, out int number) && _names.Count < MaxTasks)
        {
            number = _names.Count;
            _names.Add(Encoding.UTF8.GetString(name));
            _numbers.Add(hash, number);
        }

        _lastLength = Math.Min(name.Length, _last.Length);
        name[.._lastLength].CopyTo(_last);
        _lastNumber = number;
        return number;
    }

    /// <summary>The name; null if there is none.</summary>
    public string? NameOf(int number) => number == 0 ? null : _names[number];
}
