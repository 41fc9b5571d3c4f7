using System.IO.MemoryMappedFiles;
using FaceSearch.IndexBench.Data;

namespace FaceSearch.IndexBench.Workers;

/// <summary>Rows of float32, mapped from a file: its pages are not counted as the process's own memory.</summary>
internal sealed unsafe class FloatFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly float* _rows;

    public FloatFile(string path)
    {
        Rows = (int)(new FileInfo(path).Length / (DataSet.Dimension * sizeof(float)));
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        _rows = (float*)pointer;
    }

    public int Rows { get; }

    public ReadOnlySpan<float> this[int row] => Span(row, 1);

    public ReadOnlySpan<float> Span(int row, int count) => new(_rows + ((long)row * DataSet.Dimension), count * DataSet.Dimension);

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
